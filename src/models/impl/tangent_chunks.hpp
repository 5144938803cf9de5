// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The two passes of a fit over all points, on hosts: a chunk of points a thread, in blocks that the first cache holds.
// Host code only.
#pragma once

#include "krate/core/label.hpp"
#include "krate/core/workspace.hpp"
#include "models/impl/tangent_algebra.hpp"

namespace krate::models {

/// Points in blocks: [padded D, points] columns of each, beside rows of all.
struct TangentBlocks {
  static constexpr std::size_t points = 48;
  static std::size_t count(std::size_t rows) { return (rows + points - 1) / points; }

  std::size_t blocks;
  double const *rows, *columns, *weights;  ///< z - z_c twice; squared kernels, 0 behind the last point of a fit
};

/// A thread a block.
template <class Space>
struct ColumnsOfBlocks {
  ConstMatrix<double, Space> rows;
  Matrix<double, Space> columns;
  void operator()(std::size_t b) const {
    constexpr std::size_t block = TangentBlocks::points;
    std::size_t const wide = rows.extent(1);
    double const* const from = rows.data() + b * block * wide;
    double* const to = columns.data() + b * block * wide;
    for (std::size_t j = 0; j < wide; ++j)
      for (std::size_t i = 0; i < block; ++i) to[j * block + i] = from[i * wide + j];
  }
};

template <class Space>
class TangentChunks {
 public:
  /// Larger forms are better off with whole products.
  static bool fits(std::size_t d) { return d <= 16; }

  TangentChunks(Workspace<Space>& work, TangentBlocks const& points, std::size_t dim, std::size_t d)
      : points_(points), d_(d), q_(pairs_of(d)), wide_dim_(TangentAlgebra::padded(dim)) {
    std::size_t const chunks = std::min(most_chunks, (points.blocks + least_blocks - 1) / least_blocks);
    each_ = chunks > 0 ? (points.blocks + chunks - 1) / chunks : 0;
    chunks_ = each_ > 0 ? (points.blocks + each_ - 1) / each_ : 0;
    wide_q_ = TangentAlgebra::padded(q_);
    c_ = work.template take<double>(points.blocks, d * block);
    h_ = work.template take<double>(points.blocks, q_ * block);
    sums_ = work.template take<double>(chunks_, q_ * (wide_q_ + wide_dim_));
    turned_ = work.template take<double>(chunks_, d * wide_dim_);
    scratch_ = work.template take<double>(chunks_, block * (q_ + wide_q_ + d));
  }

  /// Sums for V, of a frame.
  void first(Space const& space, TangentAlgebra& algebra) const {
    run(space, KRATE_LABEL("krate::models::tangent_fit::first_pass"),
        [this, &algebra](std::size_t chunk) { collect(algebra, chunk); });
    add_up(sums_, algebra.sums);
  }
  /// Sums for the gradient, of a frame and its V.
  void second(Space const& space, TangentAlgebra& algebra, double factor) const {
    run(space, KRATE_LABEL("krate::models::tangent_fit::second_pass"),
        [this, &algebra, factor](std::size_t chunk) { turn(algebra, factor, chunk); });
    add_up(turned_, algebra.turned);
  }

 private:
  static constexpr std::size_t block = TangentBlocks::points, most_chunks = 16, least_blocks = 4;
  static constexpr int tiles = static_cast<int>(block) / krate::impl::tile_unit;

  /// Few points are not worth waking threads for.
  template <class Work>
  void run(Space const& space, std::string const& label, Work const& work) const {
    if (chunks_ == 1) return work(0);
    Kokkos::parallel_for(label, Kokkos::RangePolicy<Space, Kokkos::Schedule<Kokkos::Dynamic>>(space, 0, chunks_), work);
    space.fence("krate::models::tangent_fit: the host adds sums up");
  }

  void collect(TangentAlgebra const& algebra, std::size_t chunk) const {
    double* const sums = &sums_(chunk, 0);
    double* const weighted = &scratch_(chunk, 0);    // [q, block]
    double* const products = weighted + q_ * block;  // [block, padded q]
    std::fill_n(products, block * wide_q_, 0.0);
    for (std::size_t b = chunk * each_; b < std::min(points_.blocks, (chunk + 1) * each_); ++b) {
      bool const more = b > chunk * each_;
      double* const c = &c_(b, 0);
      double* const h = &h_(b, 0);
      product(d_, tiles, rows_of(algebra.frame_rows), {points_.columns + b * wide_dim_ * block, block}, c, algebra.dim,
              false);
      double const* const weight = points_.weights + b * block;
      std::size_t p = 0;
      for (std::size_t a = 0; a < d_; ++a)
        for (std::size_t e = a; e < d_; ++e, ++p)
          for (std::size_t i = 0; i < block; ++i) {
            double const x = c[a * block + i] * c[e * block + i];
            h[p * block + i] = x;
            weighted[p * block + i] = weight[i] * x;
            products[i * wide_q_ + p] = x;
          }
      Left const left{weighted, block, 1};
      product(q_, tiles_of(wide_q_), left, {products, ld(wide_q_)}, sums, block, more);
      product(q_, tiles_of(wide_dim_), left, {points_.rows + b * block * wide_dim_, ld(wide_dim_)}, sums + q_ * wide_q_,
              block, more);
    }
  }

  void turn(TangentAlgebra const& algebra, double factor, std::size_t chunk) const {
    double* const missed = &scratch_(chunk, 0);  // [q, block]
    double* const pull = missed + q_ * block;    // [d, block]
    for (std::size_t b = chunk * each_; b < std::min(points_.blocks, (chunk + 1) * each_); ++b) {
      double const* const c = &c_(b, 0);
      double const* const h = &h_(b, 0);
      product(q_, tiles, rows_of(algebra.bend), {points_.columns + b * wide_dim_ * block, block}, missed, algebra.dim,
              false);
      product(q_, tiles, rows_of(algebra.minus_square), {h, block}, missed, q_, true);
      // Minus the derivative of a point's products into what the form misses.
      std::fill_n(pull, d_ * block, 0.0);
      double const* const weight = points_.weights + b * block;
      std::size_t p = 0;
      for (std::size_t a = 0; a < d_; ++a)
        for (std::size_t e = a; e < d_; ++e, ++p)
          for (std::size_t i = 0; i < block; ++i) {
            double const t = factor * weight[i] * missed[p * block + i];
            pull[a * block + i] -= t * c[e * block + i];
            pull[e * block + i] -= t * c[a * block + i];
          }
      product(d_, tiles_of(wide_dim_), {pull, block, 1}, {points_.rows + b * block * wide_dim_, ld(wide_dim_)},
              &turned_(chunk, 0), block, b > chunk * each_);
    }
  }

  using Left = krate::impl::TileLeft;
  using Right = krate::impl::ConstTileRows;
  static std::ptrdiff_t ld(std::size_t n) { return static_cast<std::ptrdiff_t>(n); }
  static int tiles_of(std::size_t n) { return static_cast<int>(n) / krate::impl::tile_unit; }
  static Left rows_of(HostMatrix const& a) { return {a.values.data(), ld(a.columns), 1}; }
  static void product(std::size_t rows, int units, Left a, Right b, double* c, std::size_t depth, bool add) {
    krate::impl::small_product(static_cast<int>(rows), units, a, b, {c, std::ptrdiff_t(units) * krate::impl::tile_unit},
                               static_cast<int>(depth), add);
  }
  /// In the order of the chunks.
  void add_up(Matrix<double, Space> const& parts, HostMatrix& sum) const {
    std::fill(sum.values.begin(), sum.values.end(), 0.0);
    for (std::size_t chunk = 0; chunk < chunks_; ++chunk)
      for (std::size_t k = 0; k < sum.values.size(); ++k) sum.values[k] += parts(chunk, k);
  }

  TangentBlocks points_;
  std::size_t d_, q_, wide_dim_, wide_q_ = 0, chunks_ = 0, each_ = 0;
  Matrix<double, Space> c_, h_, sums_, turned_, scratch_;
};

}  // namespace krate::models
