// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/batched_gemm.hpp"
#include "linalg/operands.hpp"

namespace {

template <class T>
struct BatchedGemmTest : ::testing::Test {
  TestSpace space;
};
SCALAR_TESTS(BatchedGemmTest, krate::testing::Scalars);

/// Matrix (o, i) of [outer, inner, rows, columns].
inline Array slice(Array const& batch, std::size_t o, std::size_t i) {
  std::size_t const rows = batch.shape[2], columns = batch.shape[3], size = rows * columns;
  auto const begin = batch.data.begin() + static_cast<std::ptrdiff_t>((o * batch.shape[1] + i) * size);
  return Array({rows, columns}, std::vector<double>(begin, begin + static_cast<std::ptrdiff_t>(size)));
}

SCALAR_TEST(BatchedGemmTest, EqualsOneProductAfterAnother) {
  using T = TypeParam;
  for (auto const route : routes())
    for (bool const ta : {false, true})
      for (bool const tb : {false, true}) {
        std::size_t const m = 4, k = 3, n = 5;
        Array const a = rounded<T>(filled(1, {2, 3, ta ? k : m, ta ? m : k}));
        Array const b = rounded<T>(filled(2, {2, 3, tb ? n : k, tb ? k : n}));
        Array const c = rounded<T>(filled(3, {2, 3, m, n}));
        auto const vc = view<T, 4>(c);
        krate::batched_gemm(this->space, ta ? "T" : "N", tb ? "T" : "N", T(2), view<T, 4>(a), view<T, 4>(b), T(0.5), vc,
                            route);
        Array const found = to_array(vc);
        for (std::size_t o = 0; o < 2; ++o)
          for (std::size_t i = 0; i < 3; ++i) {
            Array const x = slice(a, o, i), y = slice(b, o, i);
            Array const expected =
                combined(2, product(ta ? transpose_of(x) : x, tb ? transpose_of(y) : y), 0.5, slice(c, o, i));
            ASSERT_LE(worst_error(slice(found, o, i), expected), tolerance<T>(k));
          }
      }
}

SCALAR_TEST(BatchedGemmTest, HeadsAreViewsOfTheTokens) {
  using T = TypeParam;
  std::size_t const batch = 2, tokens = 7, heads = 3, p = 4;
  Array const w = rounded<T>(filled(1, {batch, tokens, heads * p}));
  auto const vw = view<T, 3>(w);
  for (auto const route : routes()) {
    Guarded<TestSpace, T, 4> scores(batch, heads, tokens, tokens);
    Guarded<TestSpace, T, 3> mixed(batch, tokens, heads * p);
    auto const split = krate::by_head(krate::as_tensor3<TestSpace>(vw), heads);
    krate::batched_gemm(this->space, "N", "T", T(1), split, split, T(0), scores.view(), route);
    krate::batched_gemm(this->space, "N", "N", T(1), scores.view(), split, T(0), krate::by_head(mixed.view(), heads),
                        route);
    Array expected_scores({batch, heads, tokens, tokens}), expected({batch, tokens, heads * p});
    for (std::size_t b = 0; b < batch; ++b)
      for (std::size_t h = 0; h < heads; ++h)
        for (std::size_t i = 0; i < tokens; ++i)
          for (std::size_t j = 0; j < tokens; ++j) {
            double s = 0;
            for (std::size_t e = 0; e < p; ++e) s += w(b, i, h * p + e) * w(b, j, h * p + e);
            expected_scores.data[((b * heads + h) * tokens + i) * tokens + j] = s;
            for (std::size_t e = 0; e < p; ++e) expected(b, i, h * p + e) += s * w(b, j, h * p + e);
          }
    EXPECT_LE(worst_error(scores.array(), expected_scores), tolerance<T>(p));
    EXPECT_LE(worst_error(mixed.array(), expected), tolerance<T>(p * tokens));
    EXPECT_TRUE(scores.intact() && mixed.intact());
  }
}

SCALAR_TEST(BatchedGemmTest, Edges) {
  using T = TypeParam;
  for (auto const route : routes()) {
    Guarded<TestSpace, T, 4> c(2, 2, 3, 1);  // NaN, and an inner extent of 0
    krate::batched_gemm(this->space, "N", "N", T(1), view<T, 4>(Array({2, 2, 3, 0})), view<T, 4>(Array({2, 2, 0, 1})),
                        T(0), c.view(), route);
    EXPECT_TRUE(same_bits(c.array(), Array({2, 2, 3, 1})));
    Guarded<TestSpace, T, 4> none(0, 2, 3, 1);
    krate::batched_gemm(this->space, "N", "N", T(1), view<T, 4>(Array({0, 2, 3, 4})), view<T, 4>(Array({0, 2, 4, 1})),
                        T(0), none.view(), route);
    EXPECT_TRUE(c.intact() && none.intact());
  }
}

SCALAR_TEST(BatchedGemmTest, ShowsItsRouteAndRepeatsToTheBit) {
  using T = TypeParam;
  auto const a = view<T, 4>(filled(1, {3, 4, 20, 30})), b = view<T, 4>(filled(2, {3, 4, 30, 10}));
  for (auto const route : routes()) {
    Guarded<TestSpace, T, 4> first(3, 4, 20, 10), second(3, 4, 20, 10);
    auto const run = [&](TestSpace const& space, auto const& c) {
      krate::batched_gemm(space, "N", "N", T(1), a, b, T(0), c.view(), route);
    };
    EXPECT_EQ(route_of("krate::batched_gemm", [&] { run(this->space, first); }),
              route == krate::Route::portable || !has_vendor ? "portable" : "vendor");
    run(one_thread(), second);
    EXPECT_TRUE(same_bits(first.array(), second.array()));
    expect_good_conduct(this->space, [&] { run(this->space, first); });
  }
}

SCALAR_TEST(BatchedGemmTest, RefusesWhatDoesNotFit) {
  using T = TypeParam;
  auto const a = view<T, 4>(Array({2, 3, 4, 5})), b = view<T, 4>(Array({2, 3, 6, 7})),
             c = view<T, 4>(Array({2, 2, 4, 6}));
  EXPECT_ERROR(krate::ShapeError, "krate::batched_gemm: op(B) has shape [2, 3, 6, 7], expected [2, 3, 5, 7]",
               krate::batched_gemm(this->space, "N", "N", T(1), a, b, T(0), c));
  EXPECT_ERROR(krate::ShapeError, "krate::batched_gemm: C has shape [2, 2, 4, 6], expected [2, 3, 4, 4]",
               krate::batched_gemm(this->space, "N", "T", T(1), a, a, T(0), c));
  EXPECT_ERROR(krate::ValueError, "transposition = n", krate::batched_gemm(this->space, "n", "T", T(1), a, a, T(0), c));
}

}  // namespace
