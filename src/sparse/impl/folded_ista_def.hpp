// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One ISTA step with its dictionary folded into one matrix,
//     F = I + eta (D - D^T D):   x + eta (x - x D^T) D = x F
//     forward    code = max(0, x F - eta lambda)
//     backward   H = dcode [code > 0],   dx = H F^T,   dF = x^T H,   dD = eta (dF - D (dF + dF^T))
// Three products of [tokens, dim] and [dim, dim] where the step as it stands has seven; the fold and its gradient take
// dim^3 each.
#pragma once

#include <algorithm>

#include "krate/core/label.hpp"
#include "krate/linalg/gram.hpp"
#include "krate/linalg/products.hpp"
#include "krate/sparse/impl/folded_ista_decl.hpp"
#include "sparse/impl/mask_by_code.hpp"

namespace krate::impl {

/// fold = fold + eta dict + diagonal I
template <class Space, class T>
struct AddDictionary {
  ConstMatrix<T, Space> dict;
  Matrix<T, Space> fold;
  T eta, diagonal;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const i = team.league_rank();
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(fold.extent(1))),
                         [&](int j) { fold(i, j) += eta * dict(i, j) + (i == j ? diagonal : T(0)); });
  }
};

/// both = -eta (dfold + dfold^T),   ddict += eta dfold. One team a block of rows, so that what is read of a line of the
/// transpose is used while it is near.
template <class Space, class T>
struct UnfoldGradient {
  static constexpr int side = is_device<Space> ? 1 : 16;
  ConstMatrix<T, Space> dfold;
  Matrix<T, Space> both, ddict;
  T eta;
  KOKKOS_FUNCTION std::int64_t blocks() const { return (static_cast<std::int64_t>(both.extent(0)) + side - 1) / side; }
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    int const dim = static_cast<int>(both.extent(0)), first = static_cast<int>(team.league_rank()) * side;
    int const last = first + side < dim ? first + side : dim;
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, (dim + side - 1) / side), [&](int block) {
      int const begin = block * side, end = begin + side < dim ? begin + side : dim;
      T turned[side][side];
      for (int j = begin; j < end; ++j)
        for (int i = first; i < last; ++i) turned[i - first][j - begin] = dfold(j, i);
      for (int i = first; i < last; ++i) {
        for (int j = begin; j < end; ++j) {
          T const own = eta * dfold(i, j);
          both(i, j) = -(own + eta * turned[i - first][j - begin]);
          ddict(i, j) += own;
        }
      }
    });
  }
};

template <class Space, class T>
void FoldedIsta<Space, T>::fold(Space const& space, ConstMatrix<T, Space> dict, IstaOptions const& options,
                                Products products, Matrix<T, Space> fold) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::fold_dictionary"));
  gram(space, -T(options.eta), dict, T(0), fold);
  Kokkos::parallel_for(KRATE_LABEL("krate::fold_dictionary::add"), rows(space, dict.extent(0)),
                       AddDictionary<Space, T>{dict, fold, T(options.eta), T(products == Products::full ? 1 : 0)});
}

template <class Space, class T>
void FoldedIsta<Space, T>::forward(Space const& space, ConstMatrix<T, Space> x, ConstMatrix<T, Space> fold,
                                   IstaOptions const& options, Products products, Workspace<Space> work,
                                   Matrix<T, Space> code) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::ista"));
  Epilogue<Space, T> epilogue{.shift = -T(options.eta * options.lambda), .rectify = true};
  if (products == Products::bfloat16) epilogue.addend = x;
  multiply(space, products, "N", "N", x, fold, epilogue, code, work);
}

/// What the backward pass takes.
template <class Space, class T>
struct FoldedBackwardScratch {
  Matrix<T, Space> masked, dfold, both;
  template <class W>
  FoldedBackwardScratch(W& work, std::size_t tokens, std::size_t dim)
      : masked(work.template take<T>(tokens, dim)),
        dfold(work.template take<T>(dim, dim)),
        both(work.template take<T>(dim, dim)) {}
};

template <class Space, class T>
std::size_t FoldedIsta<Space, T>::backward_bytes(std::size_t rows, std::size_t dim, Products products) {
  return measure<Space>([&](auto& work) { FoldedBackwardScratch<Space, T>(work, rows, dim); }) +
         std::max(products_workspace<T>(products, rows, dim, dim), products_workspace<T>(products, dim, dim, rows));
}

template <class Space, class T>
void FoldedIsta<Space, T>::backward(Space const& space, ConstMatrix<T, Space> x, ConstMatrix<T, Space> dict,
                                    ConstMatrix<T, Space> fold, ConstMatrix<T, Space> code, ConstMatrix<T, Space> dcode,
                                    IstaOptions const& options, Products products, Workspace<Space> work,
                                    Matrix<T, Space> dx, Matrix<T, Space> ddict) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::ista_backward"));
  FoldedBackwardScratch<Space, T> const s(work, x.extent(0), x.extent(1));
  mask_by_code<Space, T>(space, code, dcode, s.masked);
  Epilogue<Space, T> more;
  if (products == Products::bfloat16) more.addend = s.masked;
  multiply(space, products, "N", "T", s.masked, fold, more, dx, work);
  multiply(space, products, "T", "N", x, s.masked, {}, s.dfold, work);
  UnfoldGradient<Space, T> const unfold{s.dfold, s.both, ddict, T(options.eta)};
  Kokkos::parallel_for(KRATE_LABEL("krate::ista_backward::unfold"), rows(space, unfold.blocks()), unfold);
  multiply(space, products, "N", "N", dict, s.both, {.addend = ddict}, ddict, work);
}

}  // namespace krate::impl
