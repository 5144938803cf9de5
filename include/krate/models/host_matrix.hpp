// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <vector>

namespace krate::models {

/// A small dense matrix in host memory, row-major: frames and forms that are fitted are a few hundred rows at most.
struct HostMatrix {
  std::size_t rows = 0, columns = 0;
  std::vector<double> values{};

  HostMatrix() = default;
  HostMatrix(std::size_t m, std::size_t n) : rows(m), columns(n), values(m * n) {}
  double& operator()(std::size_t i, std::size_t j) { return values[i * columns + j]; }
  double operator()(std::size_t i, std::size_t j) const { return values[i * columns + j]; }
  bool operator==(HostMatrix const&) const = default;
};

HostMatrix transpose(HostMatrix const& a);
HostMatrix multiply(HostMatrix const& a, HostMatrix const& b);
/// A^T B
HostMatrix multiply_transposed(HostMatrix const& a, HostMatrix const& b);

/// Orthonormal columns that span those of a [m, n], m >= n: the Q of Householder's factorisation, signs as LAPACK's.
HostMatrix orthonormal_columns(HostMatrix a);
/// The matrix with orthonormal columns nearest to u, whose columns must be independent.
HostMatrix polar_factor(HostMatrix u);

/// X with A X = B for a square A, by elimination with row exchanges.
HostMatrix solve(HostMatrix a, HostMatrix b);
/// X of least norm among those that minimise |S^1/2 X - S^-1/2 B|, S symmetric and semi-definite; singular values of
/// S^1/2 below `cutoff` times the largest count as zero.
HostMatrix solve_semidefinite(HostMatrix const& s, HostMatrix const& b, double cutoff);

}  // namespace krate::models
