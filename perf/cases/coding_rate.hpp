// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>

#include "krate/rate/coding_rate.hpp"
#include "perf/cases/cholesky.hpp"
#include "perf/cases/gram.hpp"
#include "perf/cases/triangular_solve.hpp"

namespace krate::perf {

/// As LAPACK counts it. A triangular product costs as much as a triangular solve.
inline double triangular_inverse_flops(double n) {
  return n * (n * n + 2) / 3;
}

/// Samples of a coding rate; `classes` = 0: all of them together.
struct RateSize {
  std::size_t samples = 0, dim = 0, classes = 0;
  bool value = false;        ///< without the gradient
  double eps_squared = 0.5;  ///< it changes no operation
};

/// True where products of float samples are float: those longer than wide, on a host with BLAS.
template <class Space, class T>
bool has_float_products(std::size_t width) {
  return std::is_same_v<T, float> && KRATE_HAVE_BLAS && !impl::is_device<Space> && width > 64;
}

/// The lower triangle of a Gram matrix in square tiles, those on the diagonal in full.
inline double tiled_gram_flops(std::size_t rows, std::size_t side) {
  constexpr std::size_t tile = 128;  // as in src/rate/impl
  double flops = 0;
  for (std::size_t i = 0; i < side; i += tile) {
    auto const height = static_cast<double>(std::min(tile, side - i));
    flops += product_flops(height, static_cast<double>(i) + height, static_cast<double>(rows));
  }
  return flops;
}

/// Coding rate and gradient, or the rate alone, of rows of about unit length.
template <class Space, class T>
class CodingRateCase {
 public:
  using Arithmetic = T;  ///< of the long products
  using Options = RateSize;
  CodingRateCase(Space const& space, Options const& o) : options_(o) {
    arena_ = allocate(space, [&](auto& work) {
      z_ = work.template take<T>(o.samples, o.dim);
      if (!o.value) gradient_ = work.template take<T>(o.samples, o.dim);
      rate_ = work.template take<double>();
      work_ = take_workspace(
          work, o.value ? coding_rate_workspace(o.samples, o.dim) : coding_rate_gradient_workspace(o.samples, o.dim));
    });
    fill_normal(space, z_, 1 / std::sqrt(static_cast<double>(o.dim)), 0);
  }
  void run(Space const& space) {
    RateOptions const options{.eps_squared = options_.eps_squared};
    if (options_.value) return coding_rate(space, z_, options, work_, rate_);
    coding_rate_gradient(space, z_, options, work_, rate_, gradient_);
  }
  Cost cost() const {
    auto const [low, high] = std::minmax(options_.samples, options_.dim);
    auto const rows = static_cast<double>(high), side = static_cast<double>(low);
    bool const few = rows < 2 * side, thin = impl::is_thin(high, low);
    bool const in_float = has_float_products<Space, T>(low);
    bool const single = !std::is_same_v<T, double> && !thin && !in_float, converts = few || single;
    double const value =
        (in_float ? tiled_gram_flops(high, low) : gram_flops(rows, side)) + cholesky_flops(side) + side * (side + 3);
    if (options_.value) return {value + (single ? rows * side : 0), rows * side * sizeof(T)};
    return {
        value + triangular_inverse_flops(side) +
            (few ? 2 * triangular_solve_flops(side, rows) : gram_flops(side, side) + product_flops(rows, side, side)) +
            (in_float   ? (few ? rows * side : side * side)
             : converts ? 2 * rows * side
                        : 0) +
            (single ? rows * side : 0),
        2 * rows * side * sizeof(T)};
  }
  Matrix<T, Space> output() const { return options_.value ? z_ : gradient_; }
  static double least_memory(Options const& o) {
    auto const n = static_cast<double>(o.samples), d = static_cast<double>(o.dim), side = std::min(n, d);
    return (o.value ? 1 : 2) * n * d * sizeof(T) + side * side * sizeof(double);
  }

 private:
  Options options_;
  Matrix<T, Space> z_, gradient_;
  Value<double, Space> rate_;
  Workspace<Space> work_;
  Arena<Space> arena_;
};

}  // namespace krate::perf
