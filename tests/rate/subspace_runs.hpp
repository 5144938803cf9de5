// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Coding rates against subspaces, from arrays to arrays, and by plain loops.
#pragma once

#include "krate/rate/subspace_coding_rate.hpp"
#include "linalg/operands.hpp"
#include "support/rate_oracle.hpp"

namespace {

using krate::testing::orthonormal;

struct SubspaceRateResult {
  Array rates, dz, du;
};

template <class T>
SubspaceRateResult run_subspace_rate(Array const& z, Array const& u, krate::SubspaceRateOptions const& options,
                                     bool with_gradient = true) {
  std::size_t const batch = z.extent(0), n = z.extent(1);
  Bench const bench(krate::subspace_coding_rate_workspace<T>(batch, n, options.heads, u.extent(0) / options.heads));
  Guarded<TestSpace, double, 1> rates(batch);
  Guarded<TestSpace, T, 3> dz(batch, n, z.extent(2));
  auto const du = view<T, 2>(Array(u.shape));
  if (with_gradient) {
    krate::subspace_coding_rate_gradient(bench.space, view<T, 3>(z), view<T, 2>(u), options, bench.work(), rates.view(),
                                         dz.view(), du);
  } else {
    krate::subspace_coding_rate(bench.space, view<T, 3>(z), view<T, 2>(u), options, bench.work(), rates.view());
  }
  EXPECT_TRUE(rates.intact() && dz.intact());
  return {rates.array(), dz.array(), to_array(du)};
}

inline Array sample_of(Array const& z, std::size_t b) {
  std::size_t const size = z.extent(1) * z.extent(2);
  auto const begin = z.data.begin() + static_cast<std::ptrdiff_t>(b * size);
  return Array({z.extent(1), z.extent(2)}, std::vector<double>(begin, begin + static_cast<std::ptrdiff_t>(size)));
}

inline SubspaceRateResult oracle_subspace_rate(Array const& z, Array const& u, std::size_t heads, double eps_squared) {
  std::size_t const p = u.extent(0) / heads, d = u.extent(1);
  SubspaceRateResult r{Array({z.extent(0)}), Array(z.shape), Array(u.shape)};
  for (std::size_t b = 0; b < z.extent(0); ++b) {
    Array const x = sample_of(z, b);
    for (std::size_t k = 0; k < heads; ++k) {
      auto const begin = u.data.begin() + static_cast<std::ptrdiff_t>(k * p * d);
      Array const uk({p, d}, std::vector<double>(begin, begin + static_cast<std::ptrdiff_t>(p * d)));
      Array const w = product(x, transpose_of(uk));
      double const gamma = alpha_of(w, eps_squared);  // w is head_dim wide
      r.rates(b) += oracle_rate(w, gamma);
      Array const dw = oracle_gradient(w, gamma), dx = product(dw, uk), duk = product(transpose_of(dw), x);
      for (std::size_t i = 0; i < dx.size(); ++i) r.dz.data[b * dx.size() + i] += dx.data[i];
      for (std::size_t i = 0; i < duk.size(); ++i) r.du.data[k * p * d + i] += duk.data[i];
    }
  }
  return r;
}

}  // namespace
