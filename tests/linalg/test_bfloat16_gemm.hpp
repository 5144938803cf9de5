// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/bfloat16.hpp"
#include "krate/linalg/bfloat16_gemm.hpp"
#include "linalg/operands.hpp"

namespace {

inline Array rounded_to_bfloat16(Array a) {
  for (double& x : a.data) x = static_cast<float>(krate::bfloat16(static_cast<float>(x)));
  return a;
}

template <class T>
struct Bfloat16GemmTest : ::testing::Test {
  TestSpace space;

  krate::Workspace<TestSpace> work(std::size_t m, std::size_t n, std::size_t k) {
    arena_ = krate::Arena<TestSpace>(space, krate::bfloat16_gemm_workspace<T>(m, n, k));
    return arena_.workspace();
  }
  /// Worst error against plain loops over rounded operands.
  double error(std::size_t m, std::size_t k, std::size_t n, bool ta, bool tb, bool more) {
    Array const a = filled(1, {ta ? k : m, ta ? m : k}), b = filled(2, {tb ? n : k, tb ? k : n}),
                row = rounded<T>(filled(3, {n})), addend = rounded<T>(filled(4, {m, n}));
    Array const ra = rounded_to_bfloat16(rounded<T>(a)), rb = rounded_to_bfloat16(rounded<T>(b));
    Array expected = product(ta ? transpose_of(ra) : ra, tb ? transpose_of(rb) : rb);
    Guarded<TestSpace, T, 2> c(m, n);
    krate::Epilogue<TestSpace, T> epilogue;
    auto const vr = view<T, 1>(row);
    auto const vm = view<T, 2>(addend);
    if (more) {
      epilogue = {vr, vm, T(-0.125), true};
      for (std::size_t i = 0; i < m; ++i)
        for (std::size_t j = 0; j < n; ++j)
          expected(i, j) = std::max(expected(i, j) + row(j) + addend(i, j) - 0.125, 0.0);
    }
    krate::bfloat16_gemm(space, ta ? "T" : "N", tb ? "T" : "N", view<T, 2>(a), view<T, 2>(b), epilogue, c.view(),
                         work(m, n, k));
    space.fence("krate::test: product");
    EXPECT_TRUE(c.intact());
    return worst_error(c.array(), expected);
  }

 private:
  krate::Arena<TestSpace> arena_;
};
SCALAR_TESTS(Bfloat16GemmTest, krate::testing::Scalars);

SCALAR_TEST(Bfloat16GemmTest, MatchesPlainLoopsOverRoundedOperands) {
  std::size_t const sizes[][3] = {{1, 1, 1}, {5, 9, 1}, {7, 1, 6}, {6, 0, 4}, {0, 3, 4}, {33, 17, 9}, {211, 337, 131}};
  for (auto const& s : sizes)
    for (bool const ta : {false, true})
      for (bool const tb : {false, true})
        for (bool const more : {false, true})
          ASSERT_LE(this->error(s[0], s[1], s[2], ta, tb, more), tolerance<TypeParam>(s[1] + 3))
              << s[0] << " " << s[1] << " " << s[2] << " " << ta << tb << more;
}

SCALAR_TEST(Bfloat16GemmTest, RepeatsToTheBitAndBehavesWell) {
  using T = TypeParam;
  auto const a = view<T, 2>(filled(1, {300, 400})), b = view<T, 2>(filled(2, {130, 400}));
  auto const work = this->work(300, 130, 400);
  Guarded<TestSpace, T, 2> first(300, 130), second(300, 130);
  krate::bfloat16_gemm(this->space, "N", "T", a, b, {}, first.view(), work);
  krate::bfloat16_gemm(this->space, "N", "T", a, b, {}, second.view(), work);
  this->space.fence("krate::test: products");
  EXPECT_TRUE(same_bits(first.array(), second.array()));
  auto const small = view<T, 2>(filled(1, {3, 400}));
  Guarded<TestSpace, T, 2> c(3, 130);
  expect_good_conduct(this->space, [&] { krate::bfloat16_gemm(this->space, "N", "T", small, b, {}, c.view(), work); });
}

SCALAR_TEST(Bfloat16GemmTest, RefusesWhatDoesNotFit) {
  using T = TypeParam;
  auto const a = view<T, 2>(filled(1, {40, 30})), b = view<T, 2>(filled(2, {30, 60})),
             c = view<T, 2>(filled(3, {40, 60}));
  auto const run = [&](char const* op, krate::Workspace<TestSpace> const& work) {
    krate::bfloat16_gemm(this->space, op, "N", a, b, {}, c, work);
  };
  EXPECT_ERROR(krate::ShapeError, "krate::bfloat16_gemm: op(B) has shape [30, 60], expected [40, 60]",
               run("T", this->work(40, 60, 30)));
  EXPECT_THROW(run("N", this->work(1, 1, 1)), krate::ValueError);
}

}  // namespace
