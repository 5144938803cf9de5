// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/nn/layer_scale.hpp"

namespace krate::impl {

/// One team a row.
template <class Space, class T>
struct AddScaled {
  ConstMatrix<T, Space> x, branch;
  ConstVector<T, Space> scale;
  Matrix<T, Space> y;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const i = team.league_rank();
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(y.extent(1))),
                         [&](int j) { y(i, j) = x(i, j) + scale(j) * branch(i, j); });
  }
};

/// One team a row: y = a * b.
template <class Space, class T>
struct MultiplyRows {
  ConstMatrix<T, Space> a, b;
  Matrix<T, Space> y;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const i = team.league_rank();
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(y.extent(1))),
                         [&](int j) { y(i, j) = a(i, j) * b(i, j); });
  }
};

/// One team a row: y = a * scale.
template <class Space, class T>
struct ScaleRows {
  ConstMatrix<T, Space> a;
  ConstVector<T, Space> scale;
  Matrix<T, Space> y;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const i = team.league_rank();
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(y.extent(1))),
                         [&](int j) { y(i, j) = a(i, j) * scale(j); });
  }
};

template <class Space, class T>
void LayerScale<Space, T>::forward(Space const& space, ConstMatrix<T, Space> x, ConstMatrix<T, Space> branch,
                                   ConstVector<T, Space> scale, Matrix<T, Space> y) {
  if (y.size() == 0) return;
  Kokkos::parallel_for(KRATE_LABEL("krate::layer_scale"), rows(space, y.extent(0)),
                       AddScaled<Space, T>{x, branch, scale, y});
}

template <class Space, class T>
void LayerScale<Space, T>::backward(Space const& space, ConstMatrix<T, Space> branch, ConstVector<T, Space> scale,
                                    ConstMatrix<T, Space> dy, Workspace<Space> work, Matrix<T, Space> dbranch,
                                    Vector<T, Space> dscale) {
  if (dbranch.size() == 0) return;
  Kokkos::parallel_for(KRATE_LABEL("krate::layer_scale_backward: products"), rows(space, dy.extent(0)),
                       MultiplyRows<Space, T>{branch, dy, dbranch});
  column_sums(space, dbranch, work, dscale);
  Kokkos::parallel_for(KRATE_LABEL("krate::layer_scale_backward"), rows(space, dy.extent(0)),
                       ScaleRows<Space, T>{dy, scale, dbranch});
}

}  // namespace krate::impl
