// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// TSSA layers: the products around token statistics, and the object that owns their workspace.
#pragma once

#include "krate/attention/tssa.hpp"
#include "support/checks.hpp"
#include "support/mssa_oracle.hpp"
#include "support/tssa_oracle.hpp"

namespace krate::testing {
namespace {

struct TssaProblem {
  Array x, projection, bias, temperature, position, output, output_bias, upstream;
  bool causal;

  explicit TssaProblem(bool is_causal, bool biased = true) : causal(is_causal) {
    x = filled(1, {2, 7, 6});
    projection = filled(5, {8, 6});
    bias = biased ? filled(8, {8}) : Array({0});
    temperature = filled(3, {2}, 0.1, 1);
    position = causal ? filled(4, {2, 7}, 0.2) : Array({0, 0});
    output = filled(6, {6, 8});
    output_bias = biased ? filled(7, {6}) : Array({0});
    upstream = filled(2, x.shape);
  }
  Array y() const {
    auto const add = [](Array a, Array const& row) {
      for (std::size_t i = 0; i < a.size() && row.size() > 0; ++i) a.data[i] += row(i % row.size());
      return a;
    };
    Array const w = add(oracle_map(x, projection), bias);
    return add(oracle_map(oracle_token_statistics(w, temperature, position, causal), output), output_bias);
  }
};

template <class T>
struct TssaViews {
  Kokkos::View<T**, Kokkos::LayoutRight, DeviceOf<TestSpace>> projection, position, output;
  Kokkos::View<T*, Kokkos::LayoutRight, DeviceOf<TestSpace>> bias, temperature, output_bias;
  TssaParameters<TestSpace, T> list() const { return {projection, bias, temperature, position, output, output_bias}; }
  static TssaViews of(TssaProblem const& p, bool zero) {
    auto const part = [zero](Array const& a) { return zero ? Array(a.shape) : a; };
    return {to_view<TestSpace, T, 2>(part(p.projection)),  to_view<TestSpace, T, 2>(part(p.position)),
            to_view<TestSpace, T, 2>(part(p.output)),      to_view<TestSpace, T, 1>(part(p.bias)),
            to_view<TestSpace, T, 1>(part(p.temperature)), to_view<TestSpace, T, 1>(part(p.output_bias))};
  }
};

template <class Scalar>
struct TssaTest : ::testing::Test {};
SCALAR_TESTS(TssaTest, Scalars);

SCALAR_TEST(TssaTest, LayerMatchesPlainLoopsAndItsGradientsFivePoints) {
  using T = TypeParam;
  for (bool const causal : {false, true})
    for (bool const biased : {false, true}) {
      TssaProblem const p(causal, biased);
      TestSpace space;
      auto const parameters = TssaViews<T>::of(p, false), gradients = TssaViews<T>::of(p, true);
      auto const x = to_view<TestSpace, T, 3>(p.x), dy = to_view<TestSpace, T, 3>(p.upstream);
      Guarded<TestSpace, T, 3> y(2, 7, 6), dx(2, 7, 6);
      Tssa<TestSpace, T> layer(space, {.dim = 6,
                                       .heads = 2,
                                       .head_dim = 4,
                                       .max_batch = 2,
                                       .max_tokens = 7,
                                       .mask = causal ? Mask::causal : Mask::none});
      expect_good_conduct(space, [&] { layer.forward(space, x, parameters.list(), y.view()); });
      layer.backward(space, x, parameters.list(), dy, dx.view(), gradients.list());
      space.fence("krate::test: tssa");
      EXPECT_TRUE(y.intact() && dx.intact());
      EXPECT_LE(worst_error(y.array(), p.y()), tolerance<T>(6 * 8));
      auto const vary = [&](Array TssaProblem::*member) {
        return [&p, member](Array const& value) {
          TssaProblem q = p;
          q.*member = value;
          return dot(q.y(), p.upstream);
        };
      };
      double const bound = sizeof(T) == 8 ? 1e-7 : 1e-3;
      EXPECT_LE(gradient_error(vary(&TssaProblem::x), p.x, dx.array()), bound);
      EXPECT_LE(gradient_error(vary(&TssaProblem::projection), p.projection, to_array(gradients.projection)), bound);
      EXPECT_LE(gradient_error(vary(&TssaProblem::output), p.output, to_array(gradients.output)), bound);
      EXPECT_LE(gradient_error(vary(&TssaProblem::temperature), p.temperature, to_array(gradients.temperature)), bound);
      if (causal) {
        EXPECT_LE(gradient_error(vary(&TssaProblem::position), p.position, to_array(gradients.position)), bound);
      }
      if (biased) {
        EXPECT_LE(gradient_error(vary(&TssaProblem::bias), p.bias, to_array(gradients.bias)), bound);
        EXPECT_LE(gradient_error(vary(&TssaProblem::output_bias), p.output_bias, to_array(gradients.output_bias)),
                  bound);
      }
    }
}

SCALAR_TEST(TssaTest, WrongShapesAreExplained) {
  using T = TypeParam;
  TestSpace space;
  TssaProblem const p(false);
  auto parameters = TssaViews<T>::of(p, false);
  auto const x = to_view<TestSpace, T, 3>(p.x), y = to_view<TestSpace, T, 3>(p.x);
  Tssa<TestSpace, T> layer(space, {.dim = 6, .heads = 2, .head_dim = 4, .max_batch = 2, .max_tokens = 7});
  EXPECT_ERROR(ValueError, "heads = 4, but it must divide dim", (Tssa<TestSpace, T>(space, {.dim = 6, .heads = 4})));
  parameters.output = to_view<TestSpace, T, 2>(Array({6, 7}));
  EXPECT_ERROR(ShapeError, "output has shape [6, 7], expected [6, 8]", layer.forward(space, x, parameters.list(), y));
  parameters = TssaViews<T>::of(p, false);
  parameters.bias = to_view<TestSpace, T, 1>(Array({5}));
  EXPECT_ERROR(ValueError, "bias.extent(0) = 5", layer.forward(space, x, parameters.list(), y));
}

}  // namespace
}  // namespace krate::testing
