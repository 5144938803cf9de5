// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "sparse/conv_runs.hpp"

namespace {

using Method = ConvCodeOptions::Method;

template <class T>
struct ConvCodeTest : ::testing::Test {};
SCALAR_TESTS(ConvCodeTest, krate::testing::Scalars);

/// The steps in plain loops.
inline Array oracle_code(ConvShape const& s, Array const& x, Array const& dict, ConvCodeOptions const& o) {
  auto const shrink = [&](Array v) {
    for (double& e : v.data) {
      double const scaled = e / (1 + o.mu * o.step), bound = o.lambda * o.step / (1 + o.mu * o.step);
      e = std::abs(scaled) > bound ? scaled - std::copysign(bound, scaled) : 0;
      if (o.nonnegative) e = std::max(e, 0.0);
    }
    return v;
  };
  auto const plus = [](Array a, double factor, Array const& b) {
    for (std::size_t i = 0; i < a.size(); ++i) a.data[i] += factor * b.data[i];
    return a;
  };
  Array const zero({s.codes(), s.atoms});
  Array before = zero, code = shrink(plus(zero, o.step, krate::testing::oracle_analyze(s, x, dict)));
  double k = (1 + std::sqrt(5.0)) / 2;
  for (std::size_t t = 2; t <= o.steps; ++t) {
    Array start = code;
    if (t > 2 && o.method != Method::ista) {
      double const next = (1 + std::sqrt(1 + 4 * k * k)) / 2;
      start = plus(plus(zero, (k + next - 1) / next, code), -(k - 1) / next, before);
      k = next;
    }
    Array const& at = o.method == Method::fista ? start : code;
    Array const residual = plus(x, -1, krate::testing::oracle_synthesize(s, at, dict));
    before = code;
    code = shrink(plus(start, o.step, krate::testing::oracle_analyze(s, residual, dict)));
  }
  return code;
}

SCALAR_TEST(ConvCodeTest, MatchesPlainLoops) {
  using T = TypeParam;
  for (auto const& s : conv_shapes())
    for (auto const method : {Method::ista, Method::fista, Method::fista_as_coded})
      for (std::size_t const steps : {1, 2, 5}) {
        Array const x = to_array(view<T, 2>(filled(1, {s.pixels(), s.channels}))),
                    dict = to_array(view<T, 2>(unit_atoms(filled(2, {s.atoms, s.patch()}))));
        ConvCodeOptions const o{method, steps, 0.05, 0.3, 0.1, steps == 2};
        CodeRun<T> run(s, o);
        EXPECT_LE(worst_error(run.forward(x, dict), oracle_code(s, x, dict, o)), tolerance<T>(s.patch() * steps));
      }
}

SCALAR_TEST(ConvCodeTest, GradientsByFivePoints) {
  if constexpr (std::is_same_v<TypeParam, double>) {
    for (auto const& s : {ConvShape{2, 2, 6, 5, 3, 3, 2, 1}, ConvShape{1, 3, 4, 4, 5, 4, 1, 0}})
      for (auto const method : {Method::ista, Method::fista, Method::fista_as_coded})
        for (std::size_t const steps : {1, 2, 4, 5}) {
          Array const x = filled(11, {s.pixels(), s.channels}), dict = filled(12, {s.atoms, s.patch()}),
                      dcode = filled(13, {s.codes(), s.atoms});
          CodeRun<double> run(s, {method, steps, 0.04, 0.02, 0.2, false}), other = run;
          run.forward(x, dict);
          auto const found = run.backward(x, dict, dcode);
          auto const by_x = [&](Array const& v) { return dot(other.forward(v, dict), dcode); };
          auto const by_dict = [&](Array const& v) { return dot(other.forward(x, v), dcode); };
          EXPECT_LE(krate::testing::gradient_error(by_x, x, found[0], 1e-6), 1e-7);
          EXPECT_LE(krate::testing::gradient_error(by_dict, dict, found[1], 1e-6), 1e-7);
          run.forward(x, dict);
          EXPECT_TRUE(same_bits(run.backward(x, dict, dcode)[1], found[1]));
        }
  }
}

// K3: descent, the same minimum, and its conditions. K6: gradients of the minimum.
SCALAR_TEST(ConvCodeTest, ConvergesToTheMinimum) {
  if constexpr (std::is_same_v<TypeParam, double>) {
    ConvShape const s{1, 2, 6, 6, 3, 3, 1, 1};
    Array const x = filled(21, {s.pixels(), s.channels}), dict = unit_atoms(filled(22, {s.atoms, s.patch()})),
                dcode = filled(23, {s.codes(), s.atoms});
    double const step = 0.9 / largest_eigenvalue<double>(s, dict, 200), lambda = 0.3, mu = 0.1;
    double last = std::numeric_limits<double>::infinity();
    for (std::size_t const steps : {1, 2, 3, 4, 6, 9, 14, 30}) {
      CodeRun<double> run(s, {Method::ista, steps, step, lambda, mu, false});
      double const value = code_objective(s, x, dict, run.forward(x, dict), lambda, mu);
      EXPECT_LE(value, last);
      last = value;
    }
    CodeRun<double> ista(s, {Method::ista, 600, step, lambda, mu, false}),
        fista(s, {Method::fista, 600, step, lambda, mu, false}),
        as_coded(s, {Method::fista_as_coded, 600, step, lambda, mu, false});
    Array const code = ista.forward(x, dict);
    double const least = code_objective(s, x, dict, code, lambda, mu);
    EXPECT_NEAR(code_objective(s, x, dict, fista.forward(x, dict), lambda, mu), least, 1e-9);
    EXPECT_NEAR(code_objective(s, x, dict, as_coded.forward(x, dict), lambda, mu), least, 1e-9);
    Array residual = x;
    Array const fit = krate::testing::oracle_synthesize(s, code, dict);
    for (std::size_t i = 0; i < x.size(); ++i) residual.data[i] -= fit.data[i];
    Array const pull = krate::testing::oracle_analyze(s, residual, dict);
    for (std::size_t i = 0; i < code.size(); ++i) {
      double const slope = pull.data[i] - mu * code.data[i];
      if (code.data[i] == 0) {
        EXPECT_LE(std::abs(slope), lambda + 1e-9);
      } else {
        EXPECT_NEAR(slope, std::copysign(lambda, code.data[i]), 1e-9);
      }
    }
    auto const unrolled = ista.backward(x, dict, dcode),
               implicit = implicit_gradients<double>(s, x, dict, mu, code, dcode, 60);
    EXPECT_LE(worst_error(unrolled[0], implicit[0]), 1e-8);
    EXPECT_LE(worst_error(unrolled[1], implicit[1]), 1e-8);
  }
}

// K7
SCALAR_TEST(ConvCodeTest, FindsTheSparseCodeThatMadeTheImage) {
  ConvShape const s{2, 6, 8, 8, 4, 4, 4, 0};  // patches side by side: atoms of 96 numbers, nearly orthogonal
  Array const dict = unit_atoms(filled(31, {s.atoms, s.patch()}));
  Array truth({s.codes(), s.atoms});
  for (std::size_t i = 0; i < s.codes(); ++i) truth(i, i * 3 % 4) = i % 2 ? 1.5 : -1;
  Array const x = krate::testing::oracle_synthesize(s, truth, dict);
  CodeRun<TypeParam> run(s, {Method::fista, 60, 0.5, 0.05, 0, false});
  Array const found = run.forward(x, dict);
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found.data[i] != 0, truth.data[i] != 0);
    EXPECT_NEAR(found.data[i], truth.data[i], 0.06);
  }
}

SCALAR_TEST(ConvCodeTest, ErrorsAndConduct) {
  using T = TypeParam;
  ConvShape const s{2, 2, 5, 5, 3, 3, 1, 1};
  CodeRun<T> run(s, {Method::fista, 3, 0.1, 0.1, 0, false});
  auto const x = view<T, 2>(filled(1, {s.pixels(), 2})), dict = view<T, 2>(filled(2, {3, 18})),
             code = view<T, 2>(filled(3, {s.codes(), 3})), dx = view<T, 2>(Array({s.pixels(), 2}));
  auto const work = run.arena.workspace();
  auto const with = [&](ConvCodeOptions const& o) { krate::conv_code(run.space, s, x, dict, o, work, run.saved); };
  EXPECT_ERROR(krate::ValueError, "steps = 0, but it must be positive", with({Method::ista, 0}));
  EXPECT_ERROR(krate::ValueError, "step = -1, but it must be positive", with({Method::ista, 3, -1}));
  EXPECT_ERROR(krate::ValueError, "lambda = -1, but it must not be negative", with({Method::ista, 3, 1, -1}));
  EXPECT_ERROR(krate::ValueError, "saved.codes.size() = 3, but it must be the number of steps",
               with({Method::ista, 4}));
  EXPECT_ERROR(krate::ShapeError, "krate::conv_code_backward: dx",
               krate::conv_code_backward(run.space, s, x, dict, run.options, run.saved, code, work, dict, dict));
  expect_good_conduct(run.space, [&] { with(run.options); });
  expect_good_conduct(run.space, [&] {
    krate::conv_code_backward(run.space, s, x, dict, run.options, run.saved, code, work, dx, dict);
  });
}

}  // namespace
