// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/label.hpp"
#include "krate/rate/impl/class_moments_decl.hpp"
#include "linalg/impl/team.hpp"
#include "rate/impl/rate_kernels.hpp"
#include "rate/impl/sort_by_class.hpp"

namespace krate::impl {

/// P_k += Z_k^T Z_k, lower triangle; a team does one class and one pair of tiles I >= J.
template <class Space, bool Vendor>
struct AddClassGram {
  static constexpr std::int64_t tile = 128;

  Vector<std::int64_t, Space> begin;
  Matrix<double, Space> sorted;
  Tensor3<double, Space> moments;
  std::int64_t pairs;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const k = team.league_rank() / pairs, dim = static_cast<std::int64_t>(sorted.extent(1));
    std::int64_t const first = begin(k), count = begin(k + 1) - first;
    if (count == 0) return;
    std::int64_t row = 0, column = team.league_rank() % pairs;
    while (column > row) column -= ++row;
    std::int64_t const i = row * tile, j = column * tile;
    std::int64_t const height = Kokkos::min(std::int64_t(tile), dim - i),
                       width = Kokkos::min(std::int64_t(tile), dim - j);
    ConstStrided<double, Space> const z(sorted.data() + first * dim, Kokkos::LayoutStride(count, dim, dim, 1));
    Strided<double, Space> const p(moments.data() + k * dim * dim, Kokkos::LayoutStride(dim, dim, dim, 1));
    Team<Space, double, Vendor>::gemm(team, 1, transposed(block(z, 0, count, i, height)), block(z, 0, count, j, width),
                                      1, block(p, i, height, j, width));
  }
};

template <class Space>
struct AddClassCounts {
  Vector<std::int64_t, Space> begin, counts;
  KOKKOS_FUNCTION void operator()(std::int64_t k) const { counts(k) += begin(k + 1) - begin(k); }
};

template <class Space, bool Vendor>
void add_class_gram(Space const& space, ClassOrder<Space> const& order, Matrix<double, Space> sorted,
                    Tensor3<double, Space> moments) {
  using Gram = AddClassGram<Space, Vendor>;
  std::int64_t const tiles = (static_cast<std::int64_t>(sorted.extent(1)) + Gram::tile - 1) / Gram::tile;
  std::int64_t const pairs = tiles * (tiles + 1) / 2;
  std::string const& label =
      Vendor ? KRATE_LABEL("krate::class_moments::gram[vendor]") : KRATE_LABEL("krate::class_moments::gram[portable]");
  std::size_t const teams = moments.extent(0) * static_cast<std::size_t>(pairs);
  Kokkos::parallel_for(label, rows(space, teams), AddClassGram<Space, Vendor>{order.begin, sorted, moments, pairs});
}

template <class Space, class T>
void ClassMomentSums<Space, T>::add(Space const& space, ConstStrided<T, Space> z, ConstVector<Label, Space> labels,
                                    ClassOrder<Space> const& order, Matrix<double, Space> sorted,
                                    Tensor3<double, Space> moments, Vector<std::int64_t, Space> counts, Route route) {
  sort_by_class<Space>(space, labels, order, static_cast<std::int64_t>(z.extent(1)), {});
  Kokkos::parallel_for(KRATE_LABEL("krate::class_moments::count"), elements(space, counts.extent(0)),
                       AddClassCounts<Space>{order.begin, counts});
  Kokkos::parallel_for(KRATE_LABEL("krate::class_moments::gather"), rows(space, z.extent(0)),
                       GatherRows<Space, T>{z, order.order, sorted});
  if (use_vendor("krate::ClassMoments", route, has_host_blas<Space> && z.extent(1) <= INT_MAX)) {
    if constexpr (has_host_blas<Space>) add_class_gram<Space, true>(space, order, sorted, moments);
  } else {
    add_class_gram<Space, false>(space, order, sorted, moments);
  }
}

}  // namespace krate::impl
