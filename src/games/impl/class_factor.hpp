// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "games/impl/team_products.hpp"

namespace krate::games::impl {

/// Rows b [rank, dim] with b^T b = factor x^T x, x [count, dim], rank the numerical one: Cholesky's factorisation with
/// pivots of x^T x, which is never formed. What is left out is below 1e-14 of the largest diagonal entry: rounding.
/// @param diagonal  scratch [dim]     @return rank
template <class Space>
KOKKOS_INLINE_FUNCTION int compress(krate::impl::RowMember<Space> const& team, int count, int dim, double const* x,
                                    double factor, double* b, double* diagonal) {
  each<Space>(team, dim, [=](int c) {
    double sum = 0;
    for (int s = 0; s < count; ++s) sum += x[s * dim + c] * x[s * dim + c];
    diagonal[c] = factor * sum;
  });
  double first = 0;
  int const most = count < dim ? count : dim;
  for (int k = 0; k < most; ++k) {
    int pivot = 0;
    for (int c = 1; c < dim; ++c)
      if (diagonal[c] > diagonal[pivot]) pivot = c;
    double const largest = diagonal[pivot];
    if (k == 0) first = largest;
    if constexpr (krate::impl::is_device<Space>) team.team_barrier();  // all have read the diagonal
    if (!(largest > 1e-14 * first)) return k;
    double const root = 1 / Kokkos::sqrt(largest);
    each<Space>(team, dim, [=](int c) {
      double sum = 0;
      for (int s = 0; s < count; ++s) sum += x[s * dim + pivot] * x[s * dim + c];
      sum *= factor;
      for (int l = 0; l < k; ++l) sum -= b[l * dim + pivot] * b[l * dim + c];
      b[k * dim + c] = root * sum;
      // The pivot's own entry may be read by others of the team: it is known to become 0.
      diagonal[c] = c == pivot ? 0 : diagonal[c] - b[k * dim + c] * b[k * dim + c];
    });
  }
  return most;
}

}  // namespace krate::games::impl
