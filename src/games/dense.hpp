// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Small dense matrices on the host, by plain loops: what is exact here is what kernels are compared with.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace krate::games::impl {

struct Dense {
  std::size_t rows = 0, columns = 0;
  std::vector<double> values{};

  Dense() = default;
  Dense(std::size_t rows, std::size_t columns) : rows(rows), columns(columns), values(rows * columns, 0.0) {}
  Dense(std::size_t rows, std::size_t columns, std::span<double const> from)
      : rows(rows), columns(columns), values(from.begin(), from.end()) {}
  static Dense identity(std::size_t n);
  double& operator()(std::size_t i, std::size_t j) { return values[i * columns + j]; }
  double operator()(std::size_t i, std::size_t j) const { return values[i * columns + j]; }
  Dense& add(double factor, Dense const& other);
};

Dense transposed(Dense const& a);
Dense product(Dense const& a, Dense const& b);
double dot(Dense const& a, Dense const& b);
/// I + factor a
Dense identity_plus(double factor, Dense const& a);

/// Lower factor. @throws NumericalError unless a is positive definite
Dense cholesky(Dense const& a);
double log_det_of_factor(Dense const& lower);
/// L^-1 b and L^-T b
Dense solve_lower(Dense const& lower, Dense b);
Dense solve_upper(Dense const& lower, Dense b);
/// The inverse of L L^T.
Dense inverse_of_factor(Dense const& lower);

/// a = sum_i values[i] v_i v_i^T, v_i the rows of vectors; values ascend.
struct Eigen {
  std::vector<double> values{};
  Dense vectors{};
};
Eigen symmetric_eigen(Dense a);
/// sum_i f(values[i]) v_i v_i^T
template <class F>
Dense applied(Eigen const& e, F const& f) {
  Dense scaled = e.vectors;
  for (std::size_t i = 0; i < scaled.rows; ++i)
    for (std::size_t j = 0; j < scaled.columns; ++j) scaled(i, j) *= f(e.values[i]);
  return product(transposed(e.vectors), scaled);
}

}  // namespace krate::games::impl
