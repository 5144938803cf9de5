// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "analysis/impl/orthonormalize.hpp"
#include "krate/analysis/class_subspaces.hpp"
#include "krate/core/random.hpp"

namespace krate::analysis {

using impl::dot;
using impl::orthonormalize;
using impl::Rows;

std::vector<double> leading_eigenvectors(std::span<double const> lower, std::size_t dim, std::size_t rank) {
  Rows matrix(dim * dim);
  double largest = 0;
  for (std::size_t i = 0; i < dim; ++i)
    for (std::size_t j = 0; j <= i; ++j) matrix[i * dim + j] = matrix[j * dim + i] = lower[i * (i + 1) / 2 + j];
  for (std::size_t i = 0; i < dim; ++i) largest = std::max(largest, matrix[i * dim + i]);
  if (!(largest > 0)) return {};
  Rows q(rank * dim);
  Random const random(Seed{0}, 0);
  for (std::size_t i = 0; i < q.size(); ++i) q[i] = random.uniform(i) - 0.5;
  orthonormalize(q, dim);
  double captured = 0;
  for (int step = 0; step < 200; ++step) {
    Rows next(q.size(), 0.0);
    for (std::size_t i = 0; i * dim < q.size(); ++i)
      for (std::size_t j = 0; j < dim; ++j) {
        double const weight = q[i * dim + j];
        for (std::size_t e = 0; e < dim; ++e) next[i * dim + e] += weight * matrix[j * dim + e];
      }
    double const before = captured;
    captured = dot(q.data(), next.data(), q.size());  // squares of all samples' projections on q; only grows
    std::size_t const length = next.size();
    orthonormalize(next, dim);
    q = std::move(next);
    if (q.size() == length && captured <= before * (1 + 1e-9)) break;
  }
  return q;
}

}  // namespace krate::analysis
