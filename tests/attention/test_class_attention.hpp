// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/attention/class_attention.hpp"
#include "support/op_test.hpp"

namespace krate::testing {
namespace {

struct ClassAttended {
  Array probabilities, out;
};

/// In plain loops.
ClassAttended plain_class_attention(Array const& qkv, std::size_t heads) {
  std::size_t const batch = qkv.extent(0), n = qkv.extent(1), inner = qkv.extent(2) / 3, p = inner / heads;
  ClassAttended made{Array({batch, heads, n}), Array({batch, inner})};
  for (std::size_t b = 0; b < batch; ++b)
    for (std::size_t h = 0; h < heads; ++h) {
      double sum = 0;
      for (std::size_t t = 0; t < n; ++t) {
        double dot = 0;
        for (std::size_t j = h * p; j < (h + 1) * p; ++j) dot += qkv(b, 0, j) * qkv(b, t, inner + j);
        sum += made.probabilities(b, h, t) = std::exp(dot / std::sqrt(static_cast<double>(p)));
      }
      for (std::size_t t = 0; t < n; ++t) {
        made.probabilities(b, h, t) /= sum;
        for (std::size_t j = h * p; j < (h + 1) * p; ++j)
          made.out(b, j) += made.probabilities(b, h, t) * qkv(b, t, 2 * inner + j);
      }
    }
  return made;
}

template <class T>
ClassAttended class_attended(Array const& qkv, std::size_t heads) {
  std::size_t const batch = qkv.extent(0);
  Guarded<TestSpace, T, 3> probabilities(batch, heads, qkv.extent(1));
  Guarded<TestSpace, T, 2> out(batch, qkv.extent(2) / 3);
  class_attention(TestSpace(), to_view<TestSpace, T, 3>(qkv), probabilities.view(), out.view());
  EXPECT_TRUE(probabilities.intact() && out.intact());
  return {probabilities.array(), out.array()};
}
template <class T>
Array class_attended_back(Array const& qkv, std::size_t heads, Array const& dout) {
  std::size_t const batch = qkv.extent(0), n = qkv.extent(1);
  Guarded<TestSpace, T, 3> probabilities(batch, heads, n), dqkv(batch, n, qkv.extent(2));
  Guarded<TestSpace, T, 2> out(batch, qkv.extent(2) / 3);
  auto const input = to_view<TestSpace, T, 3>(qkv);
  class_attention(TestSpace(), input, probabilities.view(), out.view());
  class_attention_backward(TestSpace(), input, probabilities.view(), to_view<TestSpace, T, 2>(dout), dqkv.view());
  EXPECT_TRUE(dqkv.intact());
  return dqkv.array();
}

template <class Scalar>
struct ClassAttentionTest : ::testing::Test {};
SCALAR_TESTS(ClassAttentionTest, Scalars);

SCALAR_TEST(ClassAttentionTest, MatchesPlainLoops) {
  using T = TypeParam;
  struct Shape {
    std::size_t batch, tokens, heads, p;
  };
  for (auto const& s : {Shape{2, 5, 3, 4}, {1, 1, 1, 1}, {3, 40, 2, 7}, {2, 1, 4, 3}, {0, 3, 2, 2}}) {
    Array const qkv = to_array(to_view<TestSpace, T, 3>(filled(1, {s.batch, s.tokens, 3 * s.heads * s.p}, 2)));
    auto const expected = plain_class_attention(qkv, s.heads);
    auto const found = class_attended<T>(qkv, s.heads);
    EXPECT_LE(worst_error(found.out, expected.out), tolerance<T>(s.p * s.tokens));
    EXPECT_LE(worst_error(found.probabilities, expected.probabilities), tolerance<T>(s.p * s.tokens));
  }
}

SCALAR_TEST(ClassAttentionTest, LargeLogitsStayFinite) {
  Array const qkv = filled(1, {2, 6, 24}, 300);
  auto const found = class_attended<TypeParam>(qkv, 2);
  for (double const v : found.probabilities.data) EXPECT_TRUE(v >= 0 && v <= 1);
  for (double const v : class_attended_back<TypeParam>(qkv, 2, filled(2, {2, 8})).data) EXPECT_TRUE(std::isfinite(v));
}

SCALAR_TEST(ClassAttentionTest, GradientsRepeatsErrors) {
  using T = TypeParam;
  Array const qkv = filled(1, {2, 5, 18}), dout = filled(2, {2, 6});
  Array const dqkv = class_attended_back<T>(qkv, 2, dout);
  EXPECT_EQ(class_attended_back<T>(qkv, 2, dout).data, dqkv.data);
  if (std::is_same_v<T, double>) {
    auto const loss = [&](Array const& v) { return dot(class_attended<double>(v, 2).out, dout); };
    EXPECT_LE(gradient_error(loss, qkv, dqkv), 1e-9);
  }
  TestSpace const space;
  auto const input = to_view<TestSpace, T, 3>(qkv), wrong = to_view<TestSpace, T, 3>(Array({2, 4, 5}));
  auto const out = to_view<TestSpace, T, 2>(dout);
  EXPECT_ERROR(ValueError, "krate::class_attention: heads = 4", class_attention(space, input, wrong, out));
  auto const few = to_view<TestSpace, T, 3>(Array({2, 2, 4}));
  EXPECT_ERROR(ShapeError, "krate::class_attention: probabilities", class_attention(space, input, few, out));
  auto const a = to_view<TestSpace, T, 3>(Array({2, 2, 5}));
  EXPECT_ERROR(ShapeError, "krate::class_attention_backward: dqkv",
               class_attention_backward(space, input, a, out, few));
}

}  // namespace
}  // namespace krate::testing
