// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Float attention beside the explicit softmax in float, as logits grow; and the form of devices, where it runs on
// hosts.
#pragma once

#include "attention/attend.hpp"
#include "attention/impl/plain_attention.hpp"

namespace krate::testing {
namespace {

#define KRATE_TEST_EXPANDED(space) AttentionPrecision##space
#define KRATE_TEST_NAME(space) KRATE_TEST_EXPANDED(space)
#define KRATE_TEST_PRECISION KRATE_TEST_NAME(KRATE_TEST_SPACE_NAME)

/// softmax(s W W^T) W and its gradient, one head of one sample, all in float: the backward pass multiplies with the
/// probabilities of the forward pass.
struct ExplicitFloat {
  Array out, dw;
  ExplicitFloat(Array const& w, Array const& dout, bool causal) : out(w.shape), dw(w.shape) {
    std::size_t const n = w.extent(1), p = w.extent(2);
    float const s = 1 / std::sqrt(static_cast<float>(p));
    auto const at = [p](Array const& a, std::size_t i, std::size_t c) { return static_cast<float>(a.data[i * p + c]); };
    std::vector<float> prob(n * n), scores(n * n);
    auto const product = [&](Array const& a, std::size_t i, Array const& b, std::size_t j) {
      float sum = 0;
      for (std::size_t c = 0; c < p; ++c) sum += at(a, i, c) * at(b, j, c);
      return sum;
    };
    for (std::size_t i = 0; i < n; ++i) {
      std::size_t const seen = causal ? i + 1 : n;
      float largest = -1e30F, sum = 0, delta = 0;
      for (std::size_t j = 0; j < seen; ++j) largest = std::max(largest, prob[i * n + j] = s * product(w, i, w, j));
      for (std::size_t j = 0; j < seen; ++j) sum += (prob[i * n + j] = std::exp(prob[i * n + j] - largest));
      for (std::size_t j = 0; j < seen; ++j) {
        prob[i * n + j] /= sum;
        delta += prob[i * n + j] * (scores[i * n + j] = product(dout, i, w, j));
      }
      for (std::size_t j = 0; j < seen; ++j) scores[i * n + j] = prob[i * n + j] * (scores[i * n + j] - delta);
    }
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t c = 0; c < p; ++c) {
        float o = 0, value = 0, query = 0, key = 0;
        for (std::size_t j = 0; j < n; ++j) {
          o += prob[i * n + j] * at(w, j, c);
          value += prob[j * n + i] * at(dout, j, c);
          query += scores[i * n + j] * at(w, j, c);
          key += scores[j * n + i] * at(w, j, c);
        }
        out.data[i * p + c] = o;
        dw.data[i * p + c] = value + s * (query + key);
      }
  }
};

/// About normal.
inline Array bell(std::uint64_t first, std::vector<std::size_t> const& shape) {
  Array x(shape);
  for (std::size_t k = 0; k < x.size(); ++k)
    for (std::uint64_t t = 0; t < 12; ++t) x.data[k] += fill_u(first + t, k) - 0.5;
  return x;
}

/// Tokens of unit variance, apart or around eight centres.
inline Array tokens_of(std::size_t n, std::size_t p, bool clustered) {
  Array w = bell(1, {1, n, p});
  Array const centres = bell(41, {8, p});
  for (std::size_t i = 0; clustered && i < n; ++i)
    for (std::size_t c = 0; c < p; ++c) w(0, i, c) = centres(i % 8, c) + 0.1 * w(0, i, c);
  return w;
}

TEST(KRATE_TEST_PRECISION, FloatStaysWithinFiveTimesTheExplicitForm) {
  std::size_t const n = 65, p = 48;
  for (bool const causal : {false, true})
    for (bool const clustered : {false, true})
      for (double const scale : {1.0, 2.0, 3.0, 10.0}) {
        OracleMask const mask{causal, Array({0, 0})};
        Array w = tokens_of(n, p, clustered);
        for (auto& x : w.data) x *= scale;
        w = rounded_to<float>(w);
        Array const dout = rounded_to<float>(bell(21, w.shape));
        Array const out = oracle_subspace_attention(w, 1, mask),
                    dw = oracle_subspace_attention_gradient(w, 1, dout, mask);
        ExplicitFloat const plain(w, dout, causal);
        auto const krate = attend<float>(w, dout, 1, mask);
        SCOPED_TRACE(std::string(causal ? "causal" : "full") + (clustered ? ", clustered, " : ", ") +
                     std::to_string(scale));
        EXPECT_LE(worst_error(krate.out, out), 5 * worst_error(plain.out, out));
        EXPECT_LE(worst_error(krate.dw, dw), 5 * worst_error(plain.dw, dw));
      }
}

template <class Scalar>
struct PlainAttentionTest : ::testing::Test {};
SCALAR_TESTS(PlainAttentionTest, Scalars);

SCALAR_TEST(PlainAttentionTest, MatchesPlainLoopsWithEveryMask) {
  using T = TypeParam;
  using Plain = krate::impl::PlainAttention<TestSpace, T>;
  TestSpace space;
  std::size_t const batch = 2, n = 9, heads = 2, p = 5;
  Array keys({batch, n});
  for (std::size_t j = 0; j < n; ++j) keys(0, j) = j % 3 != 1;
  for (auto const& masked :
       {OracleMask{}, OracleMask{true, Array({0, 0})}, OracleMask{false, keys}, OracleMask{true, keys}})
    for (double const factor : {1.0, 30.0}) {
      KeptMask const kept(masked);
      Array const w = rounded_to<T>(filled(1, {batch, n, heads * p}, factor)), dout = rounded_to<T>(filled(2, w.shape));
      Guarded<TestSpace, T, 3> out(batch, n, heads * p), shift(batch, heads, n), sum(batch, heads, n),
          dw(batch, n, heads * p);
      SoftmaxRows<TestSpace, T> const rows{shift.view(), sum.view()};
      auto const vw = to_view<TestSpace, T, 3>(w), vd = to_view<TestSpace, T, 3>(dout);
      Arena<TestSpace> arena(space, Plain::backward_bytes(batch, n, heads));
      Plain::forward(space, as_tensor3<TestSpace>(vw), heads, arena.workspace(), out.view(), rows, kept.mask);
      Plain::backward(space, as_tensor3<TestSpace>(vw), heads, out.view(), rows, as_tensor3<TestSpace>(vd),
                      arena.workspace(), dw.view(), kept.mask);
      space.fence("krate::test: attention");
      double const allowed = tolerance<T>(n * p, 16 * factor * factor);
      EXPECT_LE(worst_error(out.array(), oracle_subspace_attention(w, heads, masked)), allowed);
      EXPECT_LE(worst_error(dw.array(), oracle_subspace_attention_gradient(w, heads, dout, masked)), allowed);
    }
}

}  // namespace
}  // namespace krate::testing
