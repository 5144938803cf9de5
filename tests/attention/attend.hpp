// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Subspace attention forward and backward as its tests run it.
#pragma once

#include "krate/attention/subspace_attention.hpp"
#include "support/checks.hpp"
#include "support/mssa_oracle.hpp"

namespace krate::testing {
namespace {

struct AttentionResult {
  Array out, shift, sum, dw;
};

/// The padding of an oracle's mask as krate takes it, and its memory.
struct KeptMask {
  Kokkos::View<bool**, Kokkos::LayoutRight, DeviceOf<TestSpace>> keys;
  AttentionMask<TestSpace> mask;
  explicit KeptMask(OracleMask const& of) : keys("keys", of.keys.extent(0), of.keys.extent(1)) {
    write_on_host(keys, [&](auto const& host) {
      for (std::size_t b = 0; b < keys.extent(0); ++b)
        for (std::size_t j = 0; j < keys.extent(1); ++j) host(b, j) = of.keys(b, j) != 0;
    });
    mask = {of.causal ? Mask::causal : Mask::none, keys};
  }
};

/// Forward and backward with workspaces of exactly the size asked for; nothing outside the outputs and them is written.
template <class T>
AttentionResult attend(Array const& w, Array const& dout, std::size_t heads, OracleMask const& masked = {},
                       TestSpace const& space = TestSpace()) {
  std::size_t const batch = w.extent(0), n = w.extent(1), columns = w.extent(2);
  KeptMask const kept(masked);
  Guarded<TestSpace, T, 3> out(batch, n, columns), shift(batch, heads, n), sum(batch, heads, n), dw(batch, n, columns);
  SoftmaxRows<TestSpace, T> const rows{shift.view(), sum.view()};
  std::size_t const forward = subspace_attention_workspace<TestSpace, T>(batch, n, columns, heads),
                    backward = subspace_attention_backward_workspace<TestSpace, T>(batch, n, columns, heads);
  Guarded<TestSpace, double, 1> first(forward / sizeof(double)), second(backward / sizeof(double));
  auto const vw = to_view<TestSpace, T, 3>(w), vd = to_view<TestSpace, T, 3>(dout);
  subspace_attention(space, vw, heads, Workspace<TestSpace>(first.view().data(), forward), out.view(), rows, kept.mask);
  subspace_attention_backward(space, vw, heads, out.view(), rows, vd,
                              Workspace<TestSpace>(second.view().data(), backward), dw.view(), kept.mask);
  space.fence("krate::test: attention");
  EXPECT_TRUE(out.intact() && shift.intact() && sum.intact() && dw.intact() && first.intact() && second.intact());
  return {out.array(), shift.array(), sum.array(), dw.array()};
}

/// Tokens whose b_i = |w_i|^2 / (2 sqrt(p)) goes evenly from `least` to `least + spread`.
inline Array ranging(std::size_t n, std::size_t p, double least, double spread) {
  Array w = filled(3, {1, n, p});
  for (std::size_t i = 0; i < n; ++i) {
    double square = 0;
    for (std::size_t c = 0; c < p; ++c) square += w(0, i, c) * w(0, i, c);
    double const b = least + spread * static_cast<double>(i) / static_cast<double>(n - 1);
    for (std::size_t c = 0; c < p; ++c) w(0, i, c) *= std::sqrt(2 * std::sqrt(static_cast<double>(p)) * b / square);
  }
  return w;
}

/// `a` in the precision of T: what krate saw.
template <class T>
Array rounded_to(Array a) {
  for (auto& x : a.data) x = static_cast<double>(static_cast<T>(x));
  return a;
}

}  // namespace
}  // namespace krate::testing
