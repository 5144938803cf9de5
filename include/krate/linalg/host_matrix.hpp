// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace krate {

/// A small dense matrix in host memory, row-major: a few hundred rows at most.
struct HostMatrix {
  std::size_t rows = 0, columns = 0;
  std::vector<double> values{};

  HostMatrix() = default;
  HostMatrix(std::size_t m, std::size_t n) : rows(m), columns(n), values(m * n) {}
  HostMatrix(std::size_t m, std::size_t n, std::span<double const> from)
      : rows(m), columns(n), values(from.begin(), from.end()) {}
  static HostMatrix identity(std::size_t n);

  double& operator()(std::size_t i, std::size_t j) { return values[i * columns + j]; }
  double operator()(std::size_t i, std::size_t j) const { return values[i * columns + j]; }
  double* row(std::size_t i) { return values.data() + i * columns; }
  double const* row(std::size_t i) const { return values.data() + i * columns; }
  bool operator==(HostMatrix const&) const = default;
  HostMatrix& add(double factor, HostMatrix const& other);
};

HostMatrix transpose(HostMatrix const& a);
HostMatrix multiply(HostMatrix const& a, HostMatrix const& b);
/// A^T B
HostMatrix multiply_transposed(HostMatrix const& a, HostMatrix const& b);
/// A B^T
HostMatrix multiply_by_transpose(HostMatrix const& a, HostMatrix const& b);
/// Sum of the products of entries.
double dot(HostMatrix const& a, HostMatrix const& b);

/// Orthonormal columns that span those of a [m, n], m >= n: the Q of Householder's factorisation, signs as LAPACK's.
HostMatrix orthonormal_columns(HostMatrix a);
/// The matrix with orthonormal columns nearest to u, whose columns must be independent.
HostMatrix polar_factor(HostMatrix u);

}  // namespace krate
