// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "attention/attend.hpp"
#include "krate/attention/mhsa.hpp"
#include "support/multi_head_oracle.hpp"

namespace krate::testing {
namespace {

/// A layer with its input and what flows back; runs krate on TestSpace.
struct MhsaProblem {
  std::size_t heads;
  bool causal;
  Array x, projection, bias, output, output_bias, residual, upstream;

  MhsaProblem(std::size_t b, std::size_t n, std::size_t d, std::size_t k, std::size_t p, bool biased = true,
              bool mapped = true, bool is_causal = false)
      : heads(k),
        causal(is_causal),
        x(filled(1, {b, n, d})),
        projection(filled(5, {3 * k * p, d})),
        bias(biased ? filled(6, {3 * k * p}) : Array({0})),
        output(mapped ? filled(7, {d, k * p}) : Array({0, 0})),
        output_bias(mapped && biased ? filled(8, {d}) : Array({0})),
        residual(filled(9, {b, n, d})),
        upstream(filled(2, {b, n, d})) {}

  Array oracle() const {
    Array qkv = oracle_map(x, projection);
    for (std::size_t i = 0; i < qkv.size() && bias.size() > 0; ++i) qkv.data[i] += bias(i % bias.size());
    Array const attended = oracle_multi_head_attention(qkv, heads, {causal, Array({0, 0})});
    Array y = output.size() > 0 ? oracle_map(attended, output) : attended;
    for (std::size_t i = 0; i < y.size(); ++i)
      y.data[i] += residual.data[i] + (output_bias.size() > 0 ? output_bias(i % output_bias.size()) : 0);
    return y;
  }

  struct Result {
    Array y, dx, dprojection, dbias, doutput, doutput_bias;
  };
  template <class T>
  Result run() const {
    TestSpace const space;
    std::size_t const b = x.extent(0), n = x.extent(1), d = x.extent(2), inner = projection.extent(0) / 3;
    auto const vx = to_view<TestSpace, T, 3>(x), vr = to_view<TestSpace, T, 3>(residual),
               vd = to_view<TestSpace, T, 3>(upstream);
    auto const vp = to_view<TestSpace, T, 2>(projection), vo = to_view<TestSpace, T, 2>(output),
               dp = to_view<TestSpace, T, 2>(Array(projection.shape)),
               d_o = to_view<TestSpace, T, 2>(Array(output.shape));
    auto const vb = to_view<TestSpace, T, 1>(bias), vob = to_view<TestSpace, T, 1>(output_bias),
               db = to_view<TestSpace, T, 1>(Array(bias.shape)),
               dob = to_view<TestSpace, T, 1>(Array(output_bias.shape));
    auto const parameters = [&](auto const& p, auto const& a, auto const& o, auto const& c) {
      return MhsaParameters<TestSpace, T>{as_matrix<TestSpace>(p), as_vector<TestSpace>(a), as_matrix<TestSpace>(o),
                                          as_vector<TestSpace>(c)};
    };
    MhsaOptions const options{heads};
    AttentionMask<TestSpace> const mask{causal ? Mask::causal : Mask::none, {}};
    Guarded<TestSpace, T, 3> y(b, n, d), dx(b, n, d);
    Arena<TestSpace> const kept(
        space, measure<TestSpace>([&](auto&w) { MhsaSaved<TestSpace, T>::cut(w, b, n, heads, inner); })),
        forward(space, mhsa_workspace<TestSpace, T>(b, n, inner, d, options)),
        backward(space, mhsa_backward_workspace<TestSpace, T>(b, n, inner, d, options));
    auto work = kept.workspace();
    auto const saved = MhsaSaved<TestSpace, T>::cut(work, b, n, heads, inner);
    mhsa(space, vx, parameters(vp, vb, vo, vob), options, forward.workspace(), saved, y.view(), mask,
         as_tensor3<TestSpace>(vr));
    mhsa_backward(space, vx, parameters(vp, vb, vo, vob), options, saved, vd, backward.workspace(), dx.view(),
                  parameters(dp, db, d_o, dob), mask);
    space.fence("krate::test: mhsa");
    EXPECT_TRUE(y.intact() && dx.intact());
    return {y.array(), dx.array(), to_array(dp), to_array(db), to_array(d_o), to_array(dob)};
  }
};

template <class Scalar>
struct MhsaTest : ::testing::Test {};
SCALAR_TESTS(MhsaTest, Scalars);

SCALAR_TEST(MhsaTest, MatchesPlainLoops) {
  using P = MhsaProblem;
  for (P const& p : {P(2, 5, 8, 2, 4), P(1, 1, 6, 3, 2), P(3, 17, 12, 4, 3, true, true, true), P(2, 7, 5, 1, 9, false),
                     P(2, 4, 6, 1, 6, true, false)})
    EXPECT_LE(worst_error(p.run<TypeParam>().y, p.oracle()), tolerance<TypeParam>(9 * p.x.extent(2)));
}

SCALAR_TEST(MhsaTest, FivePointGradients) {
  if constexpr (std::is_same_v<TypeParam, double>) {
    for (bool const causal : {false, true}) {
      MhsaProblem const p(2, 5, 6, 2, 4, true, true, causal);
      auto const r = p.run<double>();
      auto const check = [&](Array MhsaProblem::*input, Array const& gradient) {
        auto const loss = [&](Array const& at) {
          auto moved = p;
          moved.*input = at;
          return dot(moved.run<double>().y, p.upstream);
        };
        EXPECT_LE(gradient_error(loss, p.*input, gradient), 1e-7);
      };
      check(&MhsaProblem::x, r.dx);
      check(&MhsaProblem::projection, r.dprojection);
      check(&MhsaProblem::bias, r.dbias);
      check(&MhsaProblem::output, r.doutput);
      check(&MhsaProblem::output_bias, r.doutput_bias);
    }
  }
}

SCALAR_TEST(MhsaTest, RepeatsAndErrors) {
  using T = TypeParam;
  MhsaProblem const p(2, 9, 8, 2, 4);
  auto const a = p.run<T>(), b = p.run<T>();
  EXPECT_TRUE(same_bits(a.y, b.y) && same_bits(a.dx, b.dx) && same_bits(a.dprojection, b.dprojection) &&
              same_bits(a.dbias, b.dbias));
  auto const with = [&](auto change) {
    auto q = p;
    change(q);
    q.template run<T>();
  };
  EXPECT_ERROR(ValueError, "krate::mhsa: heads = 5, but it must divide a third", with([](auto& q) { q.heads = 5; }));
  EXPECT_ERROR(ValueError, "krate::mhsa: bias.extent(0) = 7", with([](auto& q) { q.bias = Array({7}); }));
  EXPECT_ERROR(ShapeError, "krate::mhsa: projection has shape [24, 7], expected [24, 8]", with([](auto& q) {
                 q.projection = Array({24, 7});
               }));
  EXPECT_ERROR(ShapeError, "krate::mhsa: residual has shape [2, 9, 3], expected [2, 9, 8]", with([](auto& q) {
                 q.residual = Array({2, 9, 3});
               }));
}

}  // namespace
}  // namespace krate::testing
