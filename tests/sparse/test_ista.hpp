// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/sparse/folded_ista.hpp"
#include "support/ista_oracle.hpp"
#include "support/op_test.hpp"

namespace krate::testing {
namespace {

template <class T>
struct IstaProblem {
  Array x, dict, upstream;
  IstaOptions options;
  IstaProblem(std::size_t rows, std::size_t dim, IstaOptions o = {})
      : x(filled(1, {rows, dim})), dict(filled(8, {dim, dim})), upstream(filled(2, {rows, dim})), options(o) {}

  struct Result {
    Array code, dx, ddict;
    bool intact;
  };
  Result run() const {
    TestSpace space;
    std::size_t const rows = x.extent(0), dim = x.extent(1);
    auto const vx = to_view<TestSpace, T, 2>(x), vd = to_view<TestSpace, T, 2>(dict),
               vg = to_view<TestSpace, T, 2>(upstream);
    auto const dd = to_view<TestSpace, T, 2>(Array({dim, dim}));
    Ista<TestSpace, T> const layer(space, {.dim = dim, .max_tokens = rows}, options);
    Guarded<TestSpace, T, 2> code(rows, dim), dx(rows, dim);
    layer.forward(space, vx, vd, code.view());
    layer.backward(space, vx, vd, code.view(), vg, dx.view(), dd);
    return {code.array(), dx.array(), to_array(dd), code.intact() && dx.intact()};
  }
};

template <class Scalar>
struct IstaTest : ::testing::Test {};
SCALAR_TESTS(IstaTest, Scalars);

SCALAR_TEST(IstaTest, MatchesPlainLoopsAtManySizes) {
  using P = IstaProblem<TypeParam>;
  for (P const& p : {P(10, 8), P(1, 1), P(7, 12), P(33, 5, {0.2, 0.05}), P(3, 21, {0.05, 0.0}), P(0, 4), P(301, 173)}) {
    auto const r = p.run();
    EXPECT_TRUE(r.intact);
    EXPECT_LE(worst_error(r.code, oracle_ista(p.x, p.dict, p.options.eta, p.options.lambda)),
              tolerance<TypeParam>(p.x.extent(1) * p.x.extent(1)));
  }
}

SCALAR_TEST(IstaTest, HandCheckedCase) {
  // dim 1, D = 2: x + eta (x - 2 x) 2 - eta lambda = x (1 - 2 eta) - eta lambda.
  IstaProblem<TypeParam> p(2, 1, {0.1, 0.5});
  p.x = Array({2, 1}, {1, -1});
  p.dict = Array({1, 1}, {2});
  EXPECT_LE(worst_error(p.run().code, Array({2, 1}, {0.75, 0})), tolerance<TypeParam>(1));
}

SCALAR_TEST(IstaTest, GoldenValuesOfTheReferencePage) {
  // From an independent program in double.
  IstaProblem<TypeParam> p(10, 8);
  auto const r = p.run();
  double const tol = std::is_same_v<TypeParam, double> ? 1e-11 : 1e-5;
  auto const sum = [](Array const& a) { return dot(a, Array(a.shape, std::vector<double>(a.size(), 1.0))); };
  EXPECT_NEAR(sum(r.code), 20.67888059625, 20 * tol);
  EXPECT_NEAR(dot(r.code, r.code), 11.26335781914, 20 * tol);
  EXPECT_NEAR(r.code.data.front(), 0.8386747040347, tol);
  EXPECT_EQ(r.code.data.back(), 0);
  EXPECT_EQ(std::count_if(r.code.data.begin(), r.code.data.end(), [](double v) { return v != 0; }), 52);
  EXPECT_NEAR(sum(r.dx), -5.100269476995, 20 * tol);
  EXPECT_NEAR(dot(r.dx, r.dx), 11.36504156723, 20 * tol);
  EXPECT_NEAR(sum(r.ddict), -3.141851499360, 20 * tol);
  EXPECT_NEAR(dot(r.ddict, r.ddict), 1.665226316951, 20 * tol);
  EXPECT_NEAR(r.ddict.data.back(), -0.2371652078887, tol);
}

SCALAR_TEST(IstaTest, FivePointGradients) {
  if constexpr (std::is_same_v<TypeParam, double>) {
    // Kept away from the kink: entries whose argument could cross zero get no upstream gradient.
    IstaProblem<double> p(6, 7);
    auto const argument = [&](IstaProblem<double> q) {
      q.options.lambda = 0;
      Array const plus = oracle_ista(q.x, q.dict, q.options.eta, q.options.lambda);
      for (auto& v : q.x.data) v = -v;
      Array const minus = oracle_ista(q.x, q.dict, q.options.eta, q.options.lambda);
      Array a = plus;
      for (std::size_t i = 0; i < a.size(); ++i) a.data[i] -= minus.data[i] + p.options.eta * p.options.lambda;
      return a;
    }(p);
    for (std::size_t i = 0; i < argument.size(); ++i)
      if (std::abs(argument.data[i]) < 1e-2) p.upstream.data[i] = 0;
    auto const r = p.run();
    auto const loss = [&](Array IstaProblem<double>::*member) {
      return [&p, member](Array const& value) {
        IstaProblem<double> q = p;
        q.*member = value;
        return dot(q.run().code, p.upstream);
      };
    };
    EXPECT_LE(gradient_error(loss(&IstaProblem<double>::x), p.x, r.dx), 1e-7);
    EXPECT_LE(gradient_error(loss(&IstaProblem<double>::dict), p.dict, r.ddict), 1e-7);
  }
}

SCALAR_TEST(IstaTest, CodesAreNonNegativeAndLargerLambdaIsSparser) {
  double before = 1e9;
  for (double const lambda : {0.0, 0.5, 2.0, 100.0}) {
    auto const code = IstaProblem<TypeParam>(20, 9, {0.1, lambda}).run().code;
    double nonzero = 0;
    for (double const v : code.data) {
      EXPECT_GE(v, 0);
      nonzero += v != 0;
    }
    EXPECT_LE(nonzero, before);
    before = nonzero;
  }
  EXPECT_EQ(before, 0);
}

SCALAR_TEST(IstaTest, AnOrthogonalDictionaryLeavesThePositivePart) {
  // D = I: the residual vanishes, so code = max(0, x - eta lambda).
  IstaProblem<TypeParam> p(5, 6);
  p.dict = Array({6, 6});
  for (std::size_t i = 0; i < 6; ++i) p.dict(i, i) = 1;
  Array expected = p.x;
  for (auto& v : expected.data) v = std::max(0.0, v - 0.01);
  EXPECT_LE(worst_error(p.run().code, expected), tolerance<TypeParam>(6));
}

SCALAR_TEST(IstaTest, ARepeatGivesTheSameBitsAndAllWorkIsLabelled) {
  using T = TypeParam;
  IstaProblem<T> const p(30, 16);
  auto const a = p.run(), b = p.run();
  EXPECT_EQ(a.code.data, b.code.data);
  EXPECT_EQ(a.dx.data, b.dx.data);
  EXPECT_EQ(a.ddict.data, b.ddict.data);
  TestSpace space;
  auto const x = to_view<TestSpace, T, 2>(p.x), y = to_view<TestSpace, T, 2>(p.x), d = to_view<TestSpace, T, 2>(p.dict);
  Ista<TestSpace, T> const layer(space, {.dim = 16, .max_tokens = 30});
  Recording const recording;
  layer.forward(space, x, d, y);
  EXPECT_EQ(recording.unlabelled(), std::vector<std::string>{});
  EXPECT_EQ(recording.count(Event::allocation) + recording.count(Event::fence), 0u);
  EXPECT_TRUE(recording.saw("krate::fold_dictionary::add"));
}

// On both sides of where the dictionary is folded, also for fewer tokens than the layer was made for.
SCALAR_TEST(IstaTest, TheFoldedFormIsTheSameStep) {
  using T = TypeParam;
  std::size_t const dim = 9;
  TestSpace space;
  Ista<TestSpace, T> const layer(space, {.dim = dim, .max_tokens = 40});
  Array const dict = filled(8, {dim, dim});
  for (std::size_t const tokens : {1, 8, 9, 10, 40}) {
    IstaProblem<T> p(tokens, dim);
    // One by one every token takes the form without a fold.
    Array codes({tokens, dim}), dxs({tokens, dim}), ddict({dim, dim});
    for (std::size_t i = 0; i < tokens; ++i) {
      IstaProblem<T> one(1, dim);
      for (std::size_t j = 0; j < dim; ++j) one.x(0, j) = p.x(i, j), one.upstream(0, j) = p.upstream(i, j);
      auto const r = one.run();
      for (std::size_t j = 0; j < dim; ++j) codes(i, j) = r.code(0, j), dxs(i, j) = r.dx(0, j);
      for (std::size_t e = 0; e < ddict.size(); ++e) ddict.data[e] += r.ddict.data[e];
    }
    auto const r = p.run();
    EXPECT_LE(worst_error(r.code, codes), tolerance<T>(dim * dim));
    EXPECT_LE(worst_error(r.dx, dxs), tolerance<T>(dim * dim));
    EXPECT_LE(worst_error(r.ddict, ddict), tolerance<T>(tokens * dim * dim));
    Recording const recording;
    auto const code = to_view<TestSpace, T, 2>(p.x);
    layer.forward(space, to_view<TestSpace, T, 2>(p.x), to_view<TestSpace, T, 2>(dict), code);
    EXPECT_EQ(recording.saw("krate::fold_dictionary::add"), tokens >= dim);
  }
}

// With one fold for several steps, also where ista() would not make one.
SCALAR_TEST(IstaTest, AFoldAtHandIsTheSameStep) {
  using T = TypeParam;
  for (std::size_t const tokens : {1, 8, 9, 40}) {
    std::size_t const dim = 9;
    TestSpace space;
    IstaProblem<T> const p(tokens, dim, {0.2, 0.05});
    auto const x = to_view<TestSpace, T, 2>(p.x), dict = to_view<TestSpace, T, 2>(p.dict),
               dcode = to_view<TestSpace, T, 2>(p.upstream);
    Guarded<TestSpace, T, 2> fold(dim, dim), code(tokens, dim), dx(tokens, dim);
    auto const ddict = to_view<TestSpace, T, 2>(Array({dim, dim}));
    Arena<TestSpace> const arena(space, folded_ista_backward_workspace<TestSpace, T>(tokens, dim));
    fold_dictionary(space, dict, p.options, fold.view());
    folded_ista(space, x, fold.view(), p.options, code.view());
    folded_ista_backward(space, x, dict, fold.view(), code.view(), dcode, p.options, arena.workspace(), dx.view(),
                         ddict);
    auto const r = p.run();
    EXPECT_LE(worst_error(code.array(), r.code), tokens < dim ? tolerance<T>(dim * dim) : 0);
    EXPECT_LE(worst_error(dx.array(), r.dx), tokens < dim ? tolerance<T>(dim * dim) : 0);
    EXPECT_LE(worst_error(to_array(ddict), r.ddict), tokens < dim ? tolerance<T>(tokens * dim * dim) : 0);
    EXPECT_TRUE(fold.intact() && code.intact() && dx.intact());
  }
}

SCALAR_TEST(IstaTest, FoldsThatDoNotFitAreExplained) {
  using T = TypeParam;
  TestSpace space;
  auto const m = [](std::size_t a, std::size_t b) { return to_view<TestSpace, T, 2>(filled(1, {a, b})); };
  EXPECT_ERROR(ShapeError, "krate::fold_dictionary: dict has shape [4, 5], expected [4, 4]",
               fold_dictionary(space, m(4, 5), {}, m(4, 4)));
  EXPECT_ERROR(ValueError, "krate::fold_dictionary: eta = 0, but it must be positive",
               fold_dictionary(space, m(4, 4), {0, 0.1}, m(4, 4)));
  EXPECT_ERROR(ShapeError, "krate::folded_ista: fold has shape [3, 3], expected [4, 4]",
               folded_ista(space, m(2, 4), m(3, 3), {}, m(2, 4)));
  EXPECT_ERROR(ValueError, "more bytes are needed",
               folded_ista_backward(space, m(2, 4), m(4, 4), m(4, 4), m(2, 4), m(2, 4), {}, Workspace<TestSpace>(),
                                    m(2, 4), m(4, 4)));
}

SCALAR_TEST(IstaTest, NaNStaysNaN) {
  std::size_t const sizes[][2] = {{3, 5}, {8, 5}, {301, 173}};
  for (auto const& s : sizes) {
    IstaProblem<TypeParam> p(s[0], s[1]);
    p.x(1, 2) = std::numeric_limits<double>::quiet_NaN();
    auto const code = p.run().code;
    EXPECT_TRUE(std::isnan(code(1, 0)));
    EXPECT_FALSE(std::isnan(code(0, 0)));
  }
}

SCALAR_TEST(IstaTest, BadOptionsAndShapesAreExplained) {
  using T = TypeParam;
  TestSpace space;
  auto const m = [](std::size_t a, std::size_t b) { return to_view<TestSpace, T, 2>(filled(1, {a, b})); };
  Ista<TestSpace, T> const layer(space, {.dim = 4, .max_tokens = 3});
  EXPECT_ERROR(ShapeError, "krate::ista: dict has shape [4, 5], expected [4, 4] (dim is x.extent(1))",
               layer.forward(space, m(3, 4), m(4, 5), m(3, 4)));
  EXPECT_ERROR(ShapeError, "code has shape [2, 4], expected [3, 4]", layer.forward(space, m(3, 4), m(4, 4), m(2, 4)));
  EXPECT_ERROR(ValueError, "eta = 0, but it must be positive", (Ista<TestSpace, T>(space, {4, 3}, {0, 0.1})));
  EXPECT_ERROR(ValueError, "lambda = -1, but it must not be negative", (Ista<TestSpace, T>(space, {4, 3}, {0.1, -1})));
}

}  // namespace
}  // namespace krate::testing
