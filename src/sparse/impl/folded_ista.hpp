// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One ISTA step with its dictionary folded into one matrix,
//     F = I + eta (D - D^T D):   x + eta (x - x D^T) D = x F
//     forward    code = max(0, x F - eta lambda)
//     backward   H = dcode [code > 0],   dx = H F^T,   dF = x^T H,   dD = eta (dF - D (dF + dF^T))
// Three products of [tokens, dim] and [dim, dim] where the step as it stands has seven; the fold and its gradient take
// dim^3 each.
#pragma once

#include "krate/core/label.hpp"
#include "krate/linalg/gemm.hpp"
#include "krate/linalg/gram.hpp"
#include "krate/sparse/impl/ista_decl.hpp"

namespace krate::impl {

/// Where the fold pays for itself: with fewer tokens than features its dim^3 outweigh the products it saves.
inline bool ista_folds(std::size_t tokens, std::size_t dim) {
  return tokens >= dim;
}

/// fold = fold + eta dict + I
template <class Space, class T>
struct AddDictionary {
  ConstMatrix<T, Space> dict;
  Matrix<T, Space> fold;
  T eta;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const i = team.league_rank();
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(fold.extent(1))),
                         [&](int j) { fold(i, j) += eta * dict(i, j) + (i == j ? T(1) : T(0)); });
  }
};

/// code = max(0, code - shift)
template <class Space, class T>
struct Rectify {
  Matrix<T, Space> code;
  T shift;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const i = team.league_rank();
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(code.extent(1))), [&](int j) {
      T const v = code(i, j) - shift;
      code(i, j) = v < T(0) ? T(0) : v;
    });
  }
};

/// both = dfold + dfold^T,   ddict += eta dfold
template <class Space, class T>
struct UnfoldGradient {
  ConstMatrix<T, Space> dfold;
  Matrix<T, Space> both, ddict;
  T eta;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const i = team.league_rank();
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(both.extent(1))), [&](int j) {
      both(i, j) = dfold(i, j) + dfold(j, i);
      ddict(i, j) += eta * dfold(i, j);
    });
  }
};

template <class Space, class T>
Matrix<T, Space> fold_dictionary(Space const& space, ConstMatrix<T, Space> dict, T eta, Workspace<Space>& work) {
  std::size_t const dim = dict.extent(0);
  auto const fold = work.template take<T>(dim, dim);
  gram(space, -eta, dict, T(0), fold);
  Kokkos::parallel_for(KRATE_LABEL("krate::ista::fold"), rows(space, dim), AddDictionary<Space, T>{dict, fold, eta});
  return fold;
}

template <class Space, class T>
void folded_forward(Space const& space, ConstMatrix<T, Space> x, ConstMatrix<T, Space> dict, IstaOptions const& options,
                    Workspace<Space> work, Matrix<T, Space> code) {
  auto const fold = fold_dictionary<Space, T>(space, dict, T(options.eta), work);
  gemm(space, "N", "N", T(1), x, fold, T(0), code);
  Kokkos::parallel_for(KRATE_LABEL("krate::ista::rectify"), rows(space, x.extent(0)),
                       Rectify<Space, T>{code, T(options.eta * options.lambda)});
}

/// What the backward pass takes beside the fold.
template <class Space, class T>
struct FoldedBackwardScratch {
  Matrix<T, Space> masked, dfold, both;
  FoldedBackwardScratch(Workspace<Space>& work, std::size_t tokens, std::size_t dim)
      : masked(work.template take<T>(tokens, dim)),
        dfold(work.template take<T>(dim, dim)),
        both(work.template take<T>(dim, dim)) {}
};

/// @param masked  H
template <class Space, class T>
void folded_backward(Space const& space, ConstMatrix<T, Space> x, ConstMatrix<T, Space> dict,
                     IstaOptions const& options, FoldedBackwardScratch<Space, T> const& s, Workspace<Space> work,
                     Matrix<T, Space> dx, Matrix<T, Space> ddict) {
  T const eta = T(options.eta);
  auto const fold = fold_dictionary<Space, T>(space, dict, eta, work);
  gemm(space, "N", "T", T(1), s.masked, fold, T(0), dx);
  gemm(space, "T", "N", T(1), x, s.masked, T(0), s.dfold);
  Kokkos::parallel_for(KRATE_LABEL("krate::ista_backward::unfold"), rows(space, dict.extent(0)),
                       UnfoldGradient<Space, T>{s.dfold, s.both, ddict, eta});
  gemm(space, "N", "N", -eta, dict, s.both, T(1), ddict);
}

}  // namespace krate::impl
