// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/types.hpp"
#include "krate/core/workspace.hpp"
#include "krate/linalg/impl/cholesky_decl.hpp"
#include "krate/linalg/route.hpp"

namespace krate::impl {

/// What rates of heads take beside the projections.
template <class Space>
struct HeadScratch {
  Tensor3<double, Space> factors;         ///< [batch * heads, head_dim, head_dim]
  Matrix<double, Space> diagonal, spare;  ///< [batch * heads, head_dim]
  Vector<double, Space> rates;            ///< [batch * heads]
  Value<NumericalStatus, Space> status;
  HeadScratch(Workspace<Space>& work, std::size_t batch, std::size_t heads, std::size_t head_dim)
      : factors(work.template take<double>(batch * heads, head_dim, head_dim)),
        diagonal(work.template take<double>(batch * heads, head_dim)),
        spare(work.template take<double>(batch * heads, head_dim)),
        rates(work.template take<double>(batch * heads)),
        status(work.template take<NumericalStatus>()) {}
};

/// Coding rates of projections W_k, per sample and head; w is [batch, tokens, heads * head_dim]. Double only.
template <class Space, class T>
struct HeadRates {
  /// Factors of C_k = I + gamma W_k^T W_k; rates[batch] = sum_k 1/2 log det C_k.
  static void factorize(Space const& space, ConstTensor3<T, Space> w, std::size_t heads, double gamma,
                        HeadScratch<Space> const& scratch, Vector<double, Space> rates, Route route);
  /// W_k := W_k C_k^{-1}, in place.
  static void multiply_inverse(Space const& space, HeadScratch<Space> const& scratch, std::size_t heads,
                               Tensor3<T, Space> w, Route route);
};

}  // namespace krate::impl
