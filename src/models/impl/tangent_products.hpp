// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/label.hpp"
#include "krate/linalg/gemm.hpp"
#include "models/impl/host_copies.hpp"
#include "models/impl/tangent_algebra.hpp"
#include "models/impl/tangent_fit_kernels.hpp"

namespace krate::models {

/// The two passes of a fit over all points, as whole products: for devices, and for forms of many products.
template <class Space, class T>
class TangentProducts {
 public:
  /// @param points   [n, padded D]     @param kernel  [n]
  TangentProducts(Workspace<Space>& work, ConstMatrix<T, Space> points, ConstVector<T, Space> kernel, std::size_t dim,
                  std::size_t d)
      : points_(points), kernel_(kernel) {
    std::size_t const n = points.extent(0), q = pairs_of(d), wide_q = TangentAlgebra::padded(q);
    frame_ = work.template take<T>(dim, TangentAlgebra::padded(d));
    bend_ = work.template take<T>(q, points.extent(1));
    minus_square_ = work.template take<T>(q, wide_q);
    c_ = work.template take<T>(n, d);
    h_ = work.template take<T>(n, wide_q);
    weighted_ = work.template take<T>(n, q);
    missed_ = work.template take<T>(n, q);
    pull_ = work.template take<T>(n, d);
    sums_ = work.template take<T>(q * (wide_q + points.extent(1)));
    turned_ = work.template take<T>(d, points.extent(1));
  }

  void first(Space const& space, TangentAlgebra& algebra) const {
    coordinates(space, algebra.frame_columns, algebra.dim);
    std::size_t const q = weighted_.extent(1), wide_q = h_.extent(1), wide_dim = points_.extent(1);
    Kokkos::parallel_for(KRATE_LABEL("krate::models::tangent_fit::weighted_products"), policy(space),
                         WeightedRows<Space, T>{h_, kernel_, weighted_});
    gemm(space, "T", "N", 1, weighted_, h_, 0, Matrix<T, Space>(sums_.data(), q, wide_q));
    gemm(space, "T", "N", 1, weighted_, points_, 0, Matrix<T, Space>(sums_.data() + q * wide_q, q, wide_dim));
    copy_to_host<T>(space, sums_.data(), std::span<T>(algebra.sums.values));
  }

  void second(Space const& space, TangentAlgebra& algebra, double factor) const {
    copy_to_device<T>(space, algebra.bend.values, bend_.data());
    copy_to_device<T>(space, algebra.minus_square.values, minus_square_.data());
    gemm(space, "N", "T", 1, points_, bend_, 0, missed_);
    gemm(space, "N", "T", 1, h_, minus_square_, 1, missed_);
    Kokkos::parallel_for(KRATE_LABEL("krate::models::tangent_fit::pull"), policy(space),
                         CoordinatePull<Space, T>{c_, missed_, kernel_, pull_, factor});
    gemm(space, "T", "N", 1, pull_, points_, 0, turned_);
    copy_to_host<T>(space, turned_.data(), std::span<T>(algebra.turned.values));
  }

 private:
  Kokkos::RangePolicy<Space> policy(Space const& space) const { return {space, 0, points_.extent(0)}; }
  void coordinates(Space const& space, HostMatrix const& frame, std::size_t dim) const {
    copy_to_device<T>(space, frame.values, frame_.data());
    auto const columns = Kokkos::subview(frame_, Kokkos::ALL, std::pair<std::size_t, std::size_t>(0, c_.extent(1)));
    auto const inside = Kokkos::subview(points_, Kokkos::ALL, std::pair<std::size_t, std::size_t>(0, dim));
    gemm(space, "N", "N", 1, inside, columns, 0, c_);
    Kokkos::parallel_for(KRATE_LABEL("krate::models::tangent_fit::products"), policy(space),
                         CoordinateProducts<Space, T>{c_, h_});
  }

  ConstMatrix<T, Space> points_;
  ConstVector<T, Space> kernel_;
  Matrix<T, Space> frame_, bend_, minus_square_, c_, h_, weighted_, missed_, pull_, turned_;
  Vector<T, Space> sums_;
};

}  // namespace krate::models
