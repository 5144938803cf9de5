// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/sparse/overcomplete_ista.hpp"
#include "support/checks.hpp"
#include "support/matrix_oracle.hpp"
#include "support/overcomplete_ista_oracle.hpp"

namespace krate::testing {
namespace {

enum class Decoding { own, dictionary };

template <class T>
struct OvercompleteProblem {
  Array x, dict, decoder, upstream;
  IstaOptions options;
  Decoding decoding;
  bool transposed = false;  ///< the dictionaries lie in memory as [codes, dim]
  OvercompleteProblem(std::size_t tokens, std::size_t dim, std::size_t codes, IstaOptions o = {},
                      Decoding way = Decoding::own)
      : x(filled(1, {tokens, dim})),
        dict(filled(8, {dim, codes})),
        decoder(way == Decoding::own ? filled(9, {dim, codes}) : dict),
        upstream(filled(2, {tokens, dim})),
        options(o),
        decoding(way) {}

  struct Result {
    Array code, out, dx, ddict, ddecoder;
    bool intact;
  };
  Result run(Products products = Products::full) const {
    if (!transposed)
      return run(
          products, [](auto const& v) { return v; }, [](Array const& a) { return a; });
    return run(
        products, [](auto const& v) { return krate::transposed(as_strided<TestSpace>(v)); }, transpose_of);
  }
  template <class Turn, class TurnArray>
  Result run(Products products, Turn const& turn, TurnArray const& turn_array) const {
    std::size_t const tokens = x.extent(0), dim = x.extent(1), codes = dict.extent(1);
    Array const zero = turn_array(Array({dim, codes}));
    auto const vx = view<T, 2>(x), vd = view<T, 2>(turn_array(dict)), vg = view<T, 2>(upstream), dd = view<T, 2>(zero);
    bool const own = decoding == Decoding::own;
    auto const ve = own ? view<T, 2>(turn_array(decoder)) : vd, de = own ? view<T, 2>(zero) : dd;
    Guarded<TestSpace, T, 2> first(tokens, codes), code(tokens, codes), residual(tokens, dim), out(tokens, dim),
        dx(tokens, dim);
    OvercompleteIstaSaved<TestSpace, T> const saved{first.view(), code.view(), residual.view()};
    Bench const b(overcomplete_ista_workspace<TestSpace, T>(tokens, dim, codes, products));
    overcomplete_ista(b.space, vx, turn(vd), options, saved, products, b.work());
    Bench const c(decode_workspace<T>(tokens, dim, codes, products));
    decode<TestSpace, T>(b.space, saved.code, turn(ve), {}, out.view(), products, c.work());
    Bench const a(overcomplete_ista_backward_workspace<TestSpace, T>(tokens, dim, codes, products));
    overcomplete_ista_backward(b.space, vx, turn(vd), turn(ve), saved, vg, options, products, a.work(), dx.view(),
                               turn(dd), turn(de));
    return {code.array(),
            out.array(),
            dx.array(),
            turn_array(to_array(dd)),
            turn_array(to_array(de)),
            first.intact() && code.intact() && residual.intact() && out.intact() && dx.intact()};
  }
  Array expected_code() const { return oracle_overcomplete_ista(x, dict, options.eta, options.lambda); }
};

template <class Scalar>
struct OvercompleteIstaTest : ::testing::Test {};
SCALAR_TESTS(OvercompleteIstaTest, Scalars);

SCALAR_TEST(OvercompleteIstaTest, MatchesPlainLoopsAtManySizes) {
  using P = OvercompleteProblem<TypeParam>;
  for (P const& p : {P(10, 8, 32), P(1, 1, 1), P(7, 12, 5), P(33, 5, 21, {0.2, 0.05}), P(3, 21, 84, {0.02, 0.0}),
                     P(0, 4, 16), P(5, 4, 0), P(101, 37, 150, {0.01, 0.1})}) {
    auto const r = p.run();
    double const tol = tolerance<TypeParam>(p.dict.size() + 1);
    EXPECT_TRUE(r.intact);
    EXPECT_LE(worst_error(r.code, p.expected_code()), tol);
    EXPECT_LE(worst_error(r.out, product(p.expected_code(), transpose_of(p.decoder))), tol);
  }
}

SCALAR_TEST(OvercompleteIstaTest, HandCheckedCase) {
  // dim 1, D = (2, -1), x = 1: eta x D - eta lambda = (0.15, -0.15) gives (0.15, 0); 0.7 is left to explain, so
  // (0.15 + 0.14 - 0.05, -0.07 - 0.05) gives (0.24, 0).
  OvercompleteProblem<TypeParam> p(1, 1, 2, {0.1, 0.5});
  p.x = Array({1, 1}, {1});
  p.dict = Array({1, 2}, {2, -1});
  p.decoder = Array({1, 2}, {3, 7});
  p.upstream = Array({1, 1}, {1});
  auto const r = p.run();
  EXPECT_LE(worst_error(r.code, Array({1, 2}, {0.24, 0})), tolerance<TypeParam>(1));
  EXPECT_LE(worst_error(r.out, Array({1, 1}, {0.72})), tolerance<TypeParam>(1));
  EXPECT_LE(worst_error(r.ddecoder, Array({1, 2}, {0.24, 0})), tolerance<TypeParam>(1));
  // d first / dx = eta d = 0.2, and d code / dx = 2 * 0.2 - eta d^2 * 0.2.
  EXPECT_LE(worst_error(r.dx, Array({1, 1}, {3 * (2 * 0.2 - 0.1 * 4 * 0.2)})), tolerance<TypeParam>(1));
}

SCALAR_TEST(OvercompleteIstaTest, FivePointGradients) {
  if constexpr (std::is_same_v<TypeParam, double>) {
    using P = OvercompleteProblem<double>;
    for (auto const way : {Decoding::own, Decoding::dictionary}) {
      // The operands stay away from the kinks, as the expectation inside says.
      P p(4, 3, 7, {0.1, 0.1}, way);
      auto const active = [](P const& q) {
        Array marks = oracle_overcomplete_ista(q.x, q.dict, q.options.eta, q.options.lambda, 1);
        Array const second = q.expected_code();
        marks.data.insert(marks.data.end(), second.data.begin(), second.data.end());
        for (auto& v : marks.data) v = v > 0;
        return marks.data;
      };
      auto const r = p.run();
      auto const loss = [&](Array P::*member) {
        return [&p, &active, member](Array const& value) {
          P q = p;
          q.*member = value;
          if (q.decoding == Decoding::dictionary) q.decoder = q.dict;
          EXPECT_EQ(active(q), active(p)) << "choose operands further from the kinks";
          return dot(q.run().out, p.upstream);
        };
      };
      EXPECT_LE(gradient_error(loss(&P::x), p.x, r.dx, 1e-4), 1e-7);
      EXPECT_LE(gradient_error(loss(&P::dict), p.dict, r.ddict, 1e-4), 1e-7);
      if (way == Decoding::dictionary) continue;
      EXPECT_LE(gradient_error(loss(&P::decoder), p.decoder, r.ddecoder, 1e-4), 1e-7);
    }
  }
}

SCALAR_TEST(OvercompleteIstaTest, ADictionaryAndItsTransposeInMemoryAreTheSame) {
  for (auto const way : {Decoding::own, Decoding::dictionary}) {
    OvercompleteProblem<TypeParam> p(9, 6, 24, {0.05, 0.1}, way);
    auto const straight = p.run();
    p.transposed = true;
    auto const turned = p.run();
    double const tol = tolerance<TypeParam>(24 * 9);
    EXPECT_LE(worst_error(turned.code, straight.code), tol);
    EXPECT_LE(worst_error(turned.dx, straight.dx), tol);
    EXPECT_LE(worst_error(turned.ddict, straight.ddict), tol);
    EXPECT_LE(worst_error(turned.ddecoder, straight.ddecoder), tol);
  }
}

SCALAR_TEST(OvercompleteIstaTest, ATiedDecodersGradientIsTheSumOfBoth) {
  OvercompleteProblem<TypeParam> own(8, 5, 20, {0.05, 0.1}), tied(8, 5, 20, {0.05, 0.1}, Decoding::dictionary);
  own.decoder = own.dict;
  auto const r = own.run(), t = tied.run();
  EXPECT_EQ(t.out.data, r.out.data);
  EXPECT_LE(worst_error(t.ddict, combined(1, r.ddict, 1, r.ddecoder)), tolerance<TypeParam>(20));
}

SCALAR_TEST(OvercompleteIstaTest, CodesLowerTheObjectiveAndLargerLambdaIsSparser) {
  double before = 1e9;
  for (double const lambda : {0.0, 0.5, 2.0, 100.0}) {
    OvercompleteProblem<TypeParam> const p(20, 9, 36, {0.02, lambda}, Decoding::dictionary);
    auto const r = p.run();
    double nonzero = 0, objective = 0;
    for (double const v : r.code.data) {
      EXPECT_GE(v, 0);
      nonzero += v != 0;
      objective += lambda * v;
    }
    Array const left = combined(1, p.x, -1, r.out);
    EXPECT_LE(objective + dot(left, left) / 2, dot(p.x, p.x) / 2 * (1 + 1e-6));  // of the code 0
    EXPECT_LE(nonzero, before);
    before = nonzero;
  }
  EXPECT_EQ(before, 0);
}

SCALAR_TEST(OvercompleteIstaTest, ARepeatGivesTheSameBitsAndAllWorkIsLabelled) {
  using T = TypeParam;
  OvercompleteProblem<T> const p(30, 16, 64, {0.05, 0.1});
  auto const a = p.run(), b = p.run();
  EXPECT_EQ(a.code.data, b.code.data);
  EXPECT_EQ(a.dx.data, b.dx.data);
  EXPECT_EQ(a.ddict.data, b.ddict.data);
  EXPECT_EQ(a.ddecoder.data, b.ddecoder.data);
  auto const x = view<T, 2>(p.x), d = view<T, 2>(p.dict), e = view<T, 2>(p.decoder), dx = view<T, 2>(p.x),
             dd = view<T, 2>(p.dict), de = view<T, 2>(p.decoder);
  Bench const bench(overcomplete_ista_backward_workspace<TestSpace, T>(30, 16, 64) +
                    measure<TestSpace>([](auto& w) { OvercompleteIstaSaved<TestSpace, T>::cut(w, 30, 16, 64); }));
  expect_good_conduct(bench.space, [&] {
    auto work = bench.work();
    auto const saved = OvercompleteIstaSaved<TestSpace, T>::cut(work, 30, 16, 64);
    overcomplete_ista(bench.space, x, d, p.options, saved, Products::full, work);
    overcomplete_ista_backward(bench.space, x, d, e, saved, x, p.options, Products::full, work, dx, dd, de);
  });
}

SCALAR_TEST(OvercompleteIstaTest, ProductsInBfloat16AreCloseToTheFullOnes) {
  OvercompleteProblem<TypeParam> const p(12, 16, 64, {0.02, 0.0});
  auto const full = p.run(), low = p.run(Products::bfloat16);
  EXPECT_TRUE(low.intact);
  EXPECT_LE(worst_error(low.code, full.code), 0.02);
  EXPECT_LE(worst_error(low.out, full.out), 0.02);
  EXPECT_LE(worst_error(low.dx, full.dx), 0.05);
  EXPECT_LE(worst_error(low.ddecoder, full.ddecoder), 0.02);
}

SCALAR_TEST(OvercompleteIstaTest, NaNStaysNaN) {
  OvercompleteProblem<TypeParam> p(3, 5, 20);
  p.x(1, 2) = std::numeric_limits<double>::quiet_NaN();
  auto const code = p.run().code;
  EXPECT_TRUE(std::isnan(code(1, 0)));
  EXPECT_FALSE(std::isnan(code(0, 0)));
}

SCALAR_TEST(OvercompleteIstaTest, BadOptionsAndShapesAreExplained) {
  using T = TypeParam;
  TestSpace space;
  auto const m = [](std::size_t a, std::size_t b) { return view<T, 2>(filled(1, {a, b})); };
  auto const saved = [&](std::size_t tokens, std::size_t dim, std::size_t codes) {
    return OvercompleteIstaSaved<TestSpace, T>{m(tokens, codes), m(tokens, codes), m(tokens, dim)};
  };
  auto const code = [&](auto const& x, auto const& d, auto const& s, IstaOptions const& o = {}) {
    overcomplete_ista(space, x, d, o, s, Products::full, {});
  };
  EXPECT_ERROR(ShapeError, "krate::overcomplete_ista: dict has shape [5, 8], expected [4, 8] (dim is x.extent(1))",
               code(m(3, 4), m(5, 8), saved(3, 4, 8)));
  EXPECT_ERROR(ShapeError, "saved.first has shape [2, 8], expected [3, 8]", code(m(3, 4), m(4, 8), saved(2, 4, 8)));
  EXPECT_ERROR(ValueError, "eta = 0, but it must be positive", code(m(3, 4), m(4, 8), saved(3, 4, 8), {0, 0.1}));
  EXPECT_ERROR(ValueError, "more bytes are needed", code(m(3, 4), m(4, 8), saved(3, 4, 8)));
  EXPECT_ERROR(ShapeError, "krate::overcomplete_ista_backward: decoder has shape [4, 7], expected [4, 8]",
               overcomplete_ista_backward(space, m(3, 4), m(4, 8), m(4, 7), saved(3, 4, 8), m(3, 4), {}, Products::full,
                                          {}, m(3, 4), m(4, 8), m(4, 8)));
}

}  // namespace
}  // namespace krate::testing
