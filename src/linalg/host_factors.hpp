// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Factors, solutions and spectra of small matrices on the host.
#pragma once

#include "krate/linalg/host_matrix.hpp"

namespace krate::impl {

/// I + factor a
HostMatrix identity_plus(double factor, HostMatrix const& a);

/// Lower factor. @throws NumericalError unless a is positive definite
HostMatrix cholesky(HostMatrix const& a);
double log_det_of_factor(HostMatrix const& lower);
/// L^-1 b and L^-T b
HostMatrix solve_lower(HostMatrix const& lower, HostMatrix b);
HostMatrix solve_upper(HostMatrix const& lower, HostMatrix b);
/// The inverse of L L^T.
HostMatrix inverse_of_factor(HostMatrix const& lower);

/// X with A X = B for a square A, by elimination with row exchanges.
HostMatrix solve(HostMatrix a, HostMatrix b);

/// a = sum_i values[i] v_i v_i^T, v_i the rows of vectors; values ascend.
struct HostEigen {
  std::vector<double> values{};
  HostMatrix vectors{};
};
HostEigen eigen_of(HostMatrix a);
/// sum_i f(values[i]) v_i v_i^T
template <class F>
HostMatrix applied(HostEigen const& e, F const& f) {
  HostMatrix scaled = e.vectors;
  for (std::size_t i = 0; i < scaled.rows; ++i)
    for (std::size_t j = 0; j < scaled.columns; ++j) scaled(i, j) *= f(e.values[i]);
  return multiply_transposed(e.vectors, scaled);
}

/// The inverse of a semi-definite matrix where its eigenvalues are above cutoff^2 times the largest, 0 elsewhere: with
/// it S^1/2 is inverted where its singular values are above `cutoff` times the largest.
HostMatrix inverse_above(HostMatrix const& s, double cutoff);

}  // namespace krate::impl
