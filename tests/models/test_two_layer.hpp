// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/elementwise.hpp"
#include "krate/models/two_layer.hpp"
#include "support/checks.hpp"
#include "support/gradient_check.hpp"
#include "support/two_layer_oracle.hpp"

namespace krate::testing {
namespace {

using models::TwoLayer;
using models::TwoLayerConfig;

template <class Scalar>
struct TwoLayerTest : ::testing::Test {};
SCALAR_TESTS(TwoLayerTest, Scalars);

template <class T>
Array parameters_of(TwoLayer<TestSpace, T> const& network, bool gradients) {
  Array all;
  for (std::size_t i = 0; i < 4; ++i) {
    auto const part = to_array(gradients ? network.parameters().gradient(i) : network.parameters().value(i));
    all.data.insert(all.data.end(), part.data.begin(), part.data.end());
  }
  all.shape = {all.size()};
  return all;
}

SCALAR_TEST(TwoLayerTest, MatchesPlainLoopsAndItsDerivatives) {
  using T = TypeParam;
  using Network = TwoLayer<TestSpace, T>;
  bool const wide = std::is_same_v<T, double>;
  TestSpace const space;
  for (bool const sphere : {true, false}) {
    SCOPED_TRACE(sphere);
    TwoLayerConfig const c{.in = 7, .hidden = 9, .out = 5, .sphere = sphere};
    Network const network(space, c, Seed{4});
    Array const parameters = parameters_of(network, false), x = filled(2, {6, 7}), w = filled(3, {6, 5});
    for (double const p : parameters.data) EXPECT_LE(std::abs(p), 1 / std::sqrt(7.0) + 1e-6);
    Arena<TestSpace> const arena(space, 1 << 20);
    auto work = arena.workspace();
    auto state = network.cut(work, 6);
    auto const in = view<T, 2>(x), din = view<T, 2>(Array({6, 7})), again = view<T, 2>(Array({6, 7}));
    network.forward(space, in, state);
    EXPECT_LE(worst_error(to_array(state.out), two_layer(c, parameters.data, x)), wide ? 1e-14 : 1e-6);

    auto const back = [&](typename Network::Gradients wanted, auto const& to) {
      for (auto const& s : network.parameters().segments()) fill(space, s.gradient, T(0));
      auto const dout = view<T, 2>(w);
      network.backward(space, state, wanted, work, dout, to);
      space.fence("krate::test: read");
      return parameters_of(network, true);
    };
    Array const both = back(Network::Gradients::of_both, din);
    EXPECT_TRUE(same_bits(both, back(Network::Gradients::of_parameters, Matrix<T, TestSpace>())));
    EXPECT_EQ(dot(back(Network::Gradients::of_input, again), both), 0);
    EXPECT_LE(worst_error(to_array(again), to_array(din)), wide ? 1e-15 : 1e-6);
    auto const by_parameters = [&](Array const& p) { return dot(w, two_layer(c, p.data, x)); };
    auto const by_input = [&](Array const& v) { return dot(w, two_layer(c, parameters.data, v)); };
    EXPECT_LE(gradient_error(by_parameters, parameters, both, 1e-5), wide ? 1e-8 : 1e-4);
    EXPECT_LE(gradient_error(by_input, x, to_array(din), 1e-5), wide ? 1e-8 : 1e-4);
  }
}

SCALAR_TEST(TwoLayerTest, Errors) {
  TestSpace const space;
  EXPECT_ERROR(ValueError, "hidden = 0, but it must be from 1 to 2^20",
               (TwoLayer<TestSpace, TypeParam>(space, {.in = 3, .hidden = 0, .out = 2})));
  TwoLayer<TestSpace, TypeParam> const network(space, {.in = 3, .hidden = 4, .out = 2});
  Arena<TestSpace> const arena(space, 1 << 16);
  auto work = arena.workspace();
  auto state = network.cut(work, 6);
  auto const wide = view<TypeParam, 2>(Array({6, 5}));
  EXPECT_ERROR(ShapeError, "weight", network.forward(space, wide, state));
}

}  // namespace
}  // namespace krate::testing
