// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/linalg/elementwise.hpp"
#include "krate/linalg/gemm.hpp"
#include "krate/sparse/impl/folded_ista_decl.hpp"
#include "sparse/impl/mask_by_code.hpp"

namespace krate::impl {

/// code = max(0, x + eta code - shift)
template <class Space, class T>
struct StepAndRectify {
  ConstMatrix<T, Space> x;
  Matrix<T, Space> code;
  T eta, shift;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const i = team.league_rank();
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(x.extent(1))), [&](int j) {
      T const v = x(i, j) + eta * code(i, j) - shift;
      code(i, j) = v < T(0) ? T(0) : v;
    });
  }
};

/// dx = masked + eta (back - dx)
template <class Space, class T>
struct CombineInputGradient {
  ConstMatrix<T, Space> masked, back;
  Matrix<T, Space> dx;
  T eta;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const i = team.league_rank();
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(dx.extent(1))),
                         [&](int j) { dx(i, j) = masked(i, j) + eta * (back(i, j) - dx(i, j)); });
  }
};

template <class Space, class T>
std::size_t IstaKernels<Space, T>::forward_bytes(std::size_t rows, std::size_t dim) {
  return measure<Space>([&](auto& work) {
    std::size_t const side = ista_folds(rows, dim) ? dim : rows;  // the fold, or the residual
    work.template take<T>(side, dim);
  });
}

template <class Space, class T>
std::size_t IstaKernels<Space, T>::backward_bytes(std::size_t rows, std::size_t dim) {
  return measure<Space>([&](auto& work) {
    if (ista_folds(rows, dim)) {
      work.template take<T>(dim, dim);
      work.template take<std::byte>(FoldedIsta<Space, T>::backward_bytes(rows, dim, Products::full));
    } else {
      for (int i = 0; i < 3; ++i) work.template take<T>(rows, dim);
    }
  });
}

template <class Space, class T>
Matrix<T, Space> ista_residual(Space const& space, ConstMatrix<T, Space> x, ConstMatrix<T, Space> dict,
                               Workspace<Space>& work) {
  auto const residual = work.template take<T>(x.extent(0), x.extent(1));
  copy_rows<Space, T, T>(space, x, residual);
  gemm(space, "N", "T", T(-1), x, dict, T(1), residual);
  return residual;
}

template <class Space, class T>
void IstaKernels<Space, T>::forward(Space const& space, ConstMatrix<T, Space> x, ConstMatrix<T, Space> dict,
                                    IstaOptions const& options, Workspace<Space> work, Matrix<T, Space> code) {
  if (ista_folds(x.extent(0), x.extent(1))) {
    auto const fold = work.template take<T>(dict.extent(0), dict.extent(0));
    FoldedIsta<Space, T>::fold(space, dict, options, Products::full, fold);
    return FoldedIsta<Space, T>::forward(space, x, fold, options, Products::full, work, code);
  }
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::ista"));
  auto const residual = ista_residual<Space, T>(space, x, dict, work);
  gemm(space, "N", "N", T(1), residual, dict, T(0), code);
  Kokkos::parallel_for(KRATE_LABEL("krate::ista::rectify"), rows(space, x.extent(0)),
                       StepAndRectify<Space, T>{x, code, T(options.eta), T(options.eta * options.lambda)});
}

template <class Space, class T>
void IstaKernels<Space, T>::backward(Space const& space, ConstMatrix<T, Space> x, ConstMatrix<T, Space> dict,
                                     ConstMatrix<T, Space> code, ConstMatrix<T, Space> dcode,
                                     IstaOptions const& options, Workspace<Space> work, Matrix<T, Space> dx,
                                     Matrix<T, Space> ddict) {
  if (ista_folds(x.extent(0), x.extent(1))) {
    auto const fold = work.template take<T>(dict.extent(0), dict.extent(0));
    FoldedIsta<Space, T>::fold(space, dict, options, Products::full, fold);
    return FoldedIsta<Space, T>::backward(space, x, dict, fold, code, dcode, options, Products::full, work, dx, ddict);
  }
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::ista_backward"));
  T const eta = T(options.eta);
  auto const residual = ista_residual<Space, T>(space, x, dict, work);
  auto const masked = work.template take<T>(x.extent(0), x.extent(1));
  auto const back = work.template take<T>(x.extent(0), x.extent(1));
  mask_by_code<Space, T>(space, code, dcode, masked);
  gemm(space, "N", "T", T(1), masked, dict, T(0), back);
  gemm(space, "N", "N", T(1), back, dict, T(0), dx);
  Kokkos::parallel_for(KRATE_LABEL("krate::ista_backward::combine"), rows(space, x.extent(0)),
                       CombineInputGradient<Space, T>{masked, back, dx, eta});
  gemm(space, "T", "N", eta, residual, masked, T(1), ddict);
  gemm(space, "T", "N", -eta, back, x, T(1), ddict);
}

}  // namespace krate::impl
