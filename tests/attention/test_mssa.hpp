// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/attention/mssa.hpp"
#include "krate/attention/subspace_attention.hpp"
#include "support/mssa_oracle.hpp"
#include "support/op_test.hpp"

namespace krate::testing {
namespace {

/// One MSSA layer of given sizes with its inputs; runs krate on TestSpace.
template <class T>
struct MssaProblem {
  std::size_t batch, tokens, dim, heads, head_dim;
  bool mapped;
  Mask mask = Mask::none;
  Array x, projection, output, bias, upstream;

  MssaProblem(std::size_t b, std::size_t n, std::size_t d, std::size_t k, std::size_t p, bool map = true)
      : batch(b), tokens(n), dim(d), heads(k), head_dim(p), mapped(map) {
    x = filled(1, {b, n, d});
    projection = filled(5, {k * p, d});
    output = mapped ? filled(6, {d, k * p}) : Array({0, 0});
    bias = mapped ? filled(7, {d}) : Array({0});
    upstream = filled(2, {b, n, d});
  }

  struct Result {
    Array y, dx, dprojection, doutput, dbias;
    bool intact;
  };
  Result run(bool with_gradient = true) const {
    TestSpace space;
    auto const vx = to_view<TestSpace, T, 3>(x);
    auto const vu = to_view<TestSpace, T, 2>(projection), vo = to_view<TestSpace, T, 2>(output);
    auto const vb = to_view<TestSpace, T, 1>(bias);
    auto const vg = to_view<TestSpace, T, 3>(upstream);
    Mssa<TestSpace, T> layer(
        space, {.dim = dim, .heads = heads, .head_dim = head_dim, .max_batch = batch, .max_tokens = tokens});
    Guarded<TestSpace, T, 3> y(batch, tokens, dim), dx(batch, tokens, dim);
    Kokkos::View<T**, Kokkos::LayoutRight, TestSpace> du("du", heads * head_dim, dim),
        dout("do", output.extent(0), output.extent(1));
    Kokkos::View<T*, TestSpace> db("db", bias.extent(0));
    layer.forward(space, vx, vu, vo, vb, y.view(), {mask, {}});
    if (!with_gradient) return {y.array(), {}, {}, {}, {}, y.intact()};
    layer.backward(space, vx, vu, vo, vg, dx.view(), du, dout, db, {mask, {}});
    return {y.array(), dx.array(), to_array(du), to_array(dout), to_array(db), y.intact() && dx.intact()};
  }
  double loss(MssaProblem const& p) const { return dot(p.run(false).y, upstream); }
};

template <class Scalar>
struct MssaTest : ::testing::Test {};
SCALAR_TESTS(MssaTest, Scalars);

SCALAR_TEST(MssaTest, MatchesPlainLoopsAtManySizes) {
  using P = MssaProblem<TypeParam>;
  for (P const& p : {P(2, 5, 8, 2, 4), P(1, 1, 6, 3, 2), P(3, 17, 12, 4, 3), P(2, 7, 5, 1, 9), P(1, 3, 16, 2, 1),
                     P(2, 4, 6, 1, 6, false)}) {
    auto const r = p.run();
    EXPECT_TRUE(r.intact);
    EXPECT_LE(worst_error(r.y, oracle_mssa(p.x, p.projection, p.output, p.bias, p.heads)),
              tolerance<TypeParam>(p.dim * p.head_dim))
        << p.tokens << " tokens, dim " << p.dim << ", heads " << p.heads;
  }
}

SCALAR_TEST(MssaTest, AResidualIsAddedToTheOutput) {
  using T = TypeParam;
  for (bool const mapped : {true, false}) {
    MssaProblem<T> const p(2, 5, 8, mapped ? 2 : 1, mapped ? 4 : 8, mapped);
    TestSpace space;
    auto const x = to_view<TestSpace, T, 3>(p.x), more = to_view<TestSpace, T, 3>(p.upstream),
               narrow = to_view<TestSpace, T, 3>(filled(1, {2, 5, 7}));
    Arena<TestSpace> const arena(
        space, (1 << 16) + mssa_workspace<TestSpace, T>(p.batch, p.tokens, p.heads * p.head_dim, p.dim, {p.heads}));
    auto work = arena.workspace();
    auto const saved = MssaSaved<TestSpace, T>::cut(work, p.batch, p.tokens, p.heads, p.heads * p.head_dim);
    Guarded<TestSpace, T, 3> y(p.batch, p.tokens, p.dim);
    auto const run = [&](auto const& residual) {
      mssa(space, x, to_view<TestSpace, T, 2>(p.projection), to_view<TestSpace, T, 2>(p.output),
           to_view<TestSpace, T, 1>(p.bias), {p.heads}, work, saved, y.view(), {},
           ConstTensor3<T, TestSpace>(as_tensor3<TestSpace>(residual)));
    };
    run(more);
    Array expected = p.run(false).y;
    for (std::size_t i = 0; i < expected.size(); ++i) expected.data[i] += p.upstream.data[i];
    EXPECT_LE(worst_error(y.array(), expected), tolerance<T>(p.dim));
    EXPECT_TRUE(y.intact());
    EXPECT_ERROR(ShapeError, "krate::mssa: residual has shape [2, 5, 7], expected [2, 5, 8] (same shape as y)",
                 run(narrow));
  }
}

SCALAR_TEST(MssaTest, NoTokensAndNoBatchAreAllowed) {
  using P = MssaProblem<TypeParam>;
  EXPECT_EQ(P(0, 5, 8, 2, 4).run().y.size(), 0u);
  EXPECT_EQ(P(2, 0, 8, 2, 4).run().y.size(), 0u);
}

SCALAR_TEST(MssaTest, HandCheckedCase) {
  // One head of width 1, W = (1, 0): logits (1, 0) and (0, 0); rows average to e / (e + 1) and 1 / 2.
  MssaProblem<TypeParam> p(1, 2, 1, 1, 1, false);
  p.x = Array({1, 2, 1}, {1, 0});
  p.projection = Array({1, 1}, {1});
  double const e = std::exp(1.0);
  EXPECT_LE(worst_error(p.run().y, Array({1, 2, 1}, {e / (e + 1), 0.5})), tolerance<TypeParam>(1));
}

SCALAR_TEST(MssaTest, GoldenValuesOfTheReferencePage) {
  // From an independent program in double: sum, sum of squares, first and last element.
  MssaProblem<TypeParam> p(2, 5, 8, 2, 4);
  auto const r = p.run();
  p.mask = Mask::causal;
  auto const causal = p.run();
  auto const expect = [](Array const& a, double sum, double squares, double first, double last) {
    double const tol = std::is_same_v<TypeParam, double> ? 1e-11 : 2e-5;
    double s = 0;
    for (double const v : a.data) s += v;
    EXPECT_NEAR(s, sum, tol * 10);
    EXPECT_NEAR(dot(a, a), squares, tol * squares);
    EXPECT_NEAR(a.data.front(), first, tol);
    EXPECT_NEAR(a.data.back(), last, tol);
  };
  expect(r.y, 15.99040554681, 107.0980375082, -0.1017093608731, 1.351009547958);
  expect(r.dx, 5.712340146426, 130.0764862774, -3.263775703399, 0.1092334019119);
  expect(causal.y, 13.08235318995, 139.5961302449, 0.01606816311588, 1.351009547958);
  expect(causal.dx, 4.788724398761, 171.5862968570, -3.279609974424, 0.01320620091549);
  expect(r.dprojection, -8.861555396165, 123.2760017089, -2.098771365321, 0.2526026964018);
  expect(r.doutput, -9.697512499394, 60.76189290027, -1.810756649092, -0.3074800744512);
}

SCALAR_TEST(MssaTest, FivePointGradients) {
  if constexpr (std::is_same_v<TypeParam, double>) {
    for (MssaProblem<double> const& p :
         {MssaProblem<double>(2, 5, 6, 3, 2), MssaProblem<double>(1, 4, 5, 1, 5, false)}) {
      auto const r = p.run();
      auto const vary = [&](Array MssaProblem<double>::*member) {
        return [&p, member](Array const& value) {
          MssaProblem<double> q = p;
          q.*member = value;
          return dot(q.run(false).y, p.upstream);
        };
      };
      EXPECT_LE(gradient_error(vary(&MssaProblem<double>::x), p.x, r.dx), 1e-7);
      EXPECT_LE(gradient_error(vary(&MssaProblem<double>::projection), p.projection, r.dprojection), 1e-7);
      if (!p.mapped) continue;
      EXPECT_LE(gradient_error(vary(&MssaProblem<double>::output), p.output, r.doutput), 1e-7);
      EXPECT_LE(gradient_error(vary(&MssaProblem<double>::bias), p.bias, r.dbias), 1e-7);
    }
  }
}

SCALAR_TEST(MssaTest, BackwardAddsToParameterGradientsAndWritesTheInputGradient) {
  using T = TypeParam;
  TestSpace space;
  MssaProblem<T> const p(2, 3, 4, 2, 2);
  auto const x = to_view<TestSpace, T, 3>(p.x), g = to_view<TestSpace, T, 3>(p.upstream);
  auto const u = to_view<TestSpace, T, 2>(p.projection), o = to_view<TestSpace, T, 2>(p.output);
  auto const b = to_view<TestSpace, T, 1>(p.bias);
  Mssa<TestSpace, T> layer(space, {.dim = 4, .heads = 2, .max_batch = 2, .max_tokens = 3});
  auto const y = to_view<TestSpace, T, 3>(p.x), dx = to_view<TestSpace, T, 3>(p.x);
  auto const du = to_view<TestSpace, T, 2>(Array({4, 4})), dout = to_view<TestSpace, T, 2>(Array({4, 4}));
  auto const db = to_view<TestSpace, T, 1>(Array({4}));
  layer.forward(space, x, u, o, b, y);
  layer.backward(space, x, u, o, g, dx, du, dout, db);
  Array const once_u = to_array(du), once_x = to_array(dx), once_b = to_array(db);
  layer.backward(space, x, u, o, g, dx, du, dout, db);
  Array twice_u = to_array(du), twice_b = to_array(db);
  for (auto& v : twice_u.data) v /= 2;
  for (auto& v : twice_b.data) v /= 2;
  EXPECT_LE(worst_error(twice_u, once_u), tolerance<T>(4));
  EXPECT_LE(worst_error(twice_b, once_b), tolerance<T>(4));
  EXPECT_EQ(to_array(dx).data, once_x.data);
}

SCALAR_TEST(MssaTest, PermutingTokensPermutesTheOutput) {
  using T = TypeParam;
  MssaProblem<T> p(1, 6, 8, 2, 4);
  Array const y = p.run(false).y;
  MssaProblem<T> q = p;
  Array expected(y.shape);
  for (std::size_t t = 0; t < 6; ++t)
    for (std::size_t c = 0; c < 8; ++c) {
      q.x(0, t, c) = p.x(0, (t + 2) % 6, c);
      expected(0, t, c) = y(0, (t + 2) % 6, c);
    }
  EXPECT_LE(worst_error(q.run(false).y, expected), tolerance<T>(8));
}

SCALAR_TEST(MssaTest, LargeLogitsStayFinite) {
  MssaProblem<TypeParam> p(1, 5, 8, 2, 4);
  for (auto& v : p.x.data) v *= 300;
  auto const r = p.run();
  EXPECT_LE(worst_error(r.y, oracle_mssa(p.x, p.projection, p.output, p.bias, 2)), 1e-2);
  for (double const v : r.dx.data) EXPECT_TRUE(std::isfinite(v));
}

SCALAR_TEST(MssaTest, ABatchIsOneByOneAndARepeatGivesTheSameBits) {
  using T = TypeParam;
  MssaProblem<T> const p(3, 5, 8, 2, 4);
  auto const all = p.run(), again = p.run();
  EXPECT_EQ(all.y.data, again.y.data);
  EXPECT_EQ(all.dx.data, again.dx.data);
  EXPECT_EQ(all.dprojection.data, again.dprojection.data);
  for (std::size_t b = 0; b < 3; ++b) {
    MssaProblem<T> one(1, 5, 8, 2, 4);
    std::copy_n(p.x.data.begin() + b * 40, 40, one.x.data.begin());
    Array expected({1, 5, 8});
    std::copy_n(all.y.data.begin() + b * 40, 40, expected.data.begin());
    EXPECT_LE(worst_error(one.run(false).y, expected), tolerance<T>(8));
  }
}

SCALAR_TEST(MssaTest, AllWorkIsLabelledAndRunsOnTheInstance) {
  using T = TypeParam;
  TestSpace space;
  MssaProblem<T> const p(2, 5, 8, 2, 4);
  auto const x = to_view<TestSpace, T, 3>(p.x), g = to_view<TestSpace, T, 3>(p.upstream),
             y = to_view<TestSpace, T, 3>(p.x);
  auto const u = to_view<TestSpace, T, 2>(p.projection), o = to_view<TestSpace, T, 2>(p.output),
             du = to_view<TestSpace, T, 2>(p.projection);
  auto const b = to_view<TestSpace, T, 1>(p.bias);
  Mssa<TestSpace, T> layer(space, {.dim = 8, .heads = 2, .max_batch = 2, .max_tokens = 5});
  Recording const recording;
  layer.forward(space, x, u, o, b, y);
  layer.backward(space, x, u, o, g, y, du, du, b);
  EXPECT_EQ(recording.unlabelled(), std::vector<std::string>{});
  EXPECT_EQ(recording.count(Event::allocation), 0u);
  EXPECT_EQ(recording.count(Event::fence), 0u);
  EXPECT_TRUE(recording.saw(krate::impl::is_device<TestSpace> ? "krate::subspace_attention::softmax"
                                                              : "krate::mssa::symmetric"));
  auto const mine = Kokkos::Tools::Experimental::device_id(space);
  for (auto const& e : recording.events()) {
    if (e.kind == Event::kernel) {
      EXPECT_EQ(e.device, mine) << e.label;
    }
  }
}

SCALAR_TEST(MssaTest, WrongShapesAreExplained) {
  using T = TypeParam;
  TestSpace space;
  auto const x = to_view<TestSpace, T, 3>(filled(1, {2, 3, 4})), y = to_view<TestSpace, T, 3>(filled(1, {2, 3, 4}));
  auto const m = [](std::size_t a, std::size_t b) { return to_view<TestSpace, T, 2>(filled(1, {a, b})); };
  auto const v = to_view<TestSpace, T, 1>(filled(1, {4}));
  Mssa<TestSpace, T> layer(space, {.dim = 4, .heads = 2, .max_batch = 2, .max_tokens = 3});
  EXPECT_ERROR(ShapeError, "projection has shape [4, 5], expected [4, 4]",
               layer.forward(space, x, m(4, 5), m(4, 4), v, y));
  EXPECT_ERROR(ShapeError, "output has shape [3, 4], expected [4, 4]", layer.forward(space, x, m(4, 4), m(3, 4), v, y));
  EXPECT_ERROR(ValueError, "heads = 2, but it must divide", layer.forward(space, x, m(3, 4), m(4, 3), v, y));
  EXPECT_ERROR(ValueError, "heads = 3, but it must divide dim", (Mssa<TestSpace, T>(space, {.dim = 4, .heads = 3})));
  EXPECT_ERROR(ValueError, "more bytes are needed",
               mssa(space, x, m(4, 4), m(4, 4), v, {2}, Workspace<TestSpace>(),
                    MssaSaved<TestSpace, T>{
                        y, y, {Tensor3<T, TestSpace>(y.data(), 2, 2, 3), Tensor3<T, TestSpace>(y.data(), 2, 2, 3)}},
                    y));
}

}  // namespace
}  // namespace krate::testing
