// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "sparse/conv_runs.hpp"

namespace {

template <class T>
struct ConvDictionaryTest : ::testing::Test {};
SCALAR_TESTS(ConvDictionaryTest, krate::testing::Scalars);

SCALAR_TEST(ConvDictionaryTest, MatchesPlainLoopsAndIsAdjoint) {
  using T = TypeParam;
  for (auto const& s : conv_shapes()) {
    SCOPED_TRACE(krate::impl::shape_text(std::vector<std::size_t>{s.batch, s.height, s.width, s.kernel, s.stride}));
    auto const round = [](Array const& a) { return to_array(view<T, 2>(a)); };
    Array const x = round(filled(1, {s.pixels(), s.channels})), dict = round(filled(2, {s.atoms, s.patch()})),
                code = round(filled(3, {s.codes(), s.atoms}));
    Array const analysed = krate::testing::oracle_analyze(s, x, dict),
                made = krate::testing::oracle_synthesize(s, code, dict);
    ConvRun<T> run(s);
    double const bound = tolerance<T>(s.patch() * s.atoms);
    EXPECT_LE(worst_error(run.analyze(x, dict), analysed), bound);
    EXPECT_LE(worst_error(run.synthesize(code, dict), made), bound);
    Array with_old = code, with_older = x;
    for (std::size_t i = 0; i < code.size(); ++i) with_old.data[i] = 0.5 * analysed.data[i] + 2 * code.data[i];
    for (std::size_t i = 0; i < x.size(); ++i) with_older.data[i] = x.data[i] - made.data[i];
    EXPECT_LE(worst_error(run.analyze(x, dict, T(0.5), T(2), code), with_old), bound);
    EXPECT_LE(worst_error(run.synthesize(code, dict, T(-1), T(1), x), with_older), bound);
    EXPECT_LE(worst_error(run.gradient(x, code), krate::testing::oracle_dictionary_gradient(s, x, code)),
              tolerance<T>(s.codes()));
    EXPECT_NEAR(dot(made, x), dot(analysed, code), 1e-12 * (1 + std::abs(dot(made, x))));
    EXPECT_TRUE(same_bits(run.analyze(x, dict), run.analyze(x, dict)));
    EXPECT_TRUE(same_bits(run.synthesize(code, dict), run.synthesize(code, dict)));
    EXPECT_TRUE(same_bits(run.gradient(x, code), run.gradient(x, code)));
  }
}

SCALAR_TEST(ConvDictionaryTest, ManyImagesAreDoneBlockByBlock) {
  using T = TypeParam;
  ConvShape s{150, 8, 8, 8, 5, 4, 2, 1};
  s.batch = 1200;  // more than one block of patches
  Array const x = filled(1, {s.pixels(), s.channels}), dict = filled(2, {s.atoms, s.patch()}),
              code = filled(3, {s.codes(), s.atoms});
  ConvRun<T> run(s);
  EXPECT_LE(worst_error(run.analyze(x, dict), krate::testing::oracle_analyze(s, x, dict)), tolerance<T>(s.patch()));
  EXPECT_LE(worst_error(run.synthesize(code, dict), krate::testing::oracle_synthesize(s, code, dict)),
            tolerance<T>(s.patch()));
  EXPECT_LE(worst_error(run.gradient(x, code), krate::testing::oracle_dictionary_gradient(s, x, code)),
            tolerance<T>(s.codes()));
}

SCALAR_TEST(ConvDictionaryTest, AtomsGetLengthOne) {
  TestSpace const space;
  Array raw = filled(4, {3, 10});
  for (std::size_t e = 0; e < 10; ++e) raw(1, e) = 0;
  auto const dict = view<TypeParam, 2>(raw);
  krate::normalize_atoms(space, dict);
  Array expected = unit_atoms(to_array(view<TypeParam, 2>(raw)));
  for (std::size_t e = 0; e < 10; ++e) expected(1, e) = 0;
  EXPECT_LE(worst_error(to_array(dict), expected), tolerance<TypeParam>(10));
}

// K2: against the largest eigenvalue of the dense D* D, found by multiplying with it many times.
SCALAR_TEST(ConvDictionaryTest, NormIsTheLargestEigenvalue) {
  using T = TypeParam;
  for (auto s : conv_shapes()) {
    s.batch = 1;
    Array const dict = unit_atoms(filled(5, {s.atoms, s.patch()}));
    Array v = filled(6, {s.codes(), s.atoms});
    double square = 0;
    for (int i = 0; i < 2000; ++i) {
      Array const image = krate::testing::oracle_synthesize(s, v, dict);
      square = dot(image, image) / dot(v, v);
      v = krate::testing::oracle_analyze(s, image, dict);
      double const length = std::sqrt(dot(v, v));
      for (double& e : v.data) e /= length;
    }
    EXPECT_NEAR(largest_eigenvalue<T>(s, dict, 300), square, 1e-3 * square);
    EXPECT_LE(largest_eigenvalue<T>(s, dict, 3), square * (1 + 1e-5));
  }
}

SCALAR_TEST(ConvDictionaryTest, ErrorsAndConduct) {
  using T = TypeParam;
  ConvShape const s{2, 3, 6, 6, 4, 3, 1, 1};
  ConvRun<T> run(s);
  auto const x = view<T, 2>(filled(1, {s.pixels(), 3})), dict = view<T, 2>(filled(2, {4, 27})),
             code = view<T, 2>(filled(3, {s.codes(), 4})), other = view<T, 2>(Array({4, 26}));
  auto const work = run.arena.workspace();
  EXPECT_ERROR(krate::ShapeError, "krate::analyze: dict",
               krate::analyze(run.space, s, T(1), x, other, T(0), code, work));
  EXPECT_ERROR(krate::ShapeError, "krate::synthesize: x",
               krate::synthesize(run.space, s, T(1), code, dict, T(0), code, work));
  ConvShape bad = s;
  bad.kernel = 9;
  EXPECT_ERROR(krate::ValueError, "kernel = 9, but it must not be larger than the padded image",
               krate::analyze(run.space, bad, T(1), x, dict, T(0), code, work));
  EXPECT_ERROR(krate::ValueError, "more bytes are needed",
               krate::analyze(run.space, s, T(1), x, dict, T(0), code, krate::Workspace<TestSpace>()));
  expect_good_conduct(run.space, [&] { krate::analyze(run.space, s, T(1), x, dict, T(0), code, work); });
  expect_good_conduct(run.space, [&] { krate::synthesize(run.space, s, T(1), code, dict, T(1), x, work); });
  expect_good_conduct(run.space, [&] { krate::dictionary_gradient(run.space, s, T(1), x, code, dict, work); });
}

}  // namespace
