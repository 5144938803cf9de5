// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Subspace iteration on the smaller Gram matrix of a set of samples.
#include <algorithm>
#include <cmath>

#include "krate/core/random.hpp"
#include "krate/linalg/gram.hpp"
#include "tools/baselines.hpp"

namespace krate::tools {

namespace {

/// Rows made orthonormal one after the other, each twice; those that hang on the rows before them are dropped.
void orthonormalize(Rows& rows) {
  Rows kept{rows.columns, {}};
  for (std::size_t i = 0; i < rows.count(); ++i) {
    std::vector<double> x(rows.row(i).begin(), rows.row(i).end());
    double const before = std::sqrt(dot(x, x));
    for (int pass = 0; pass < 2; ++pass) {
      for (std::size_t j = 0; j < kept.count(); ++j) {
        auto const q = kept.row(j);
        double const along = dot(x, q);
        for (std::size_t e = 0; e < x.size(); ++e) x[e] -= along * q[e];
      }
    }
    double const length = std::sqrt(dot(x, x));
    if (!(length > 1e-10 * before)) continue;
    for (double& v : x) v /= length;
    kept.values.insert(kept.values.end(), x.begin(), x.end());
  }
  rows = std::move(kept);
}

}  // namespace

Rows leading_subspace(Space const& space, Rows const& samples, std::size_t dim) {
  std::size_t const n = samples.count(), d = samples.columns;
  if (n == 0) return {d, {}};
  auto const x = on_device(space, samples);
  bool const wide = n < d;  // X X^T is smaller: its eigenvectors, times X, span the same
  std::size_t const side = wide ? n : d;
  DeviceMatrix const matrix(Kokkos::view_alloc(space, "krate::tools::leading_subspace"), side, side);
  if (wide) {
    gram(space, 1.0, transposed(as_strided<Space>(x)), 0.0, matrix);
  } else {
    gram(space, 1.0, x, 0.0, matrix);
  }
  Rows q{side, std::vector<double>(std::min(dim, side) * side)};
  Random const random(Seed{0}, 0);
  for (std::size_t i = 0; i < q.values.size(); ++i) q.values[i] = random.uniform(i) - 0.5;
  orthonormalize(q);
  double captured = 0;
  for (int step = 0; step < 200 && q.count() > 0; ++step) {
    Rows next = product(space, q, "N", matrix);
    double const before = captured;
    captured = dot(q.values, next.values);  // squares of all samples' projections on q; only grows
    orthonormalize(next);
    q = std::move(next);
    if (captured <= before * (1 + 1e-13)) break;
  }
  if (wide && q.count() > 0) {
    q = product(space, q, "N", x);
    orthonormalize(q);
  }
  return q;
}

}  // namespace krate::tools
