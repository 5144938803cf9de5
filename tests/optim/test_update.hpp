// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/optim/optimizer.hpp"
#include "optim/problem.hpp"

namespace {

using krate::optim::AdamW;
using krate::optim::Lion;
using krate::optim::Rule;

/// Plain loops over one parameter.
void oracle_step(AdamW const& r, double lr, int step, bool decay, Array const& g, Array& w, Array& m, Array& v) {
  for (std::size_t i = 0; i < w.size(); ++i) {
    if (decay) w(i) -= lr * r.weight_decay * w(i);
    m(i) = r.beta1 * m(i) + (1 - r.beta1) * g(i);
    v(i) = r.beta2 * v(i) + (1 - r.beta2) * g(i) * g(i);
    double const m_hat = m(i) / (1 - std::pow(r.beta1, step)), v_hat = v(i) / (1 - std::pow(r.beta2, step));
    w(i) -= lr * m_hat / (std::sqrt(v_hat) + r.epsilon);
  }
}
void oracle_step(Lion const& r, double lr, int, bool decay, Array const& g, Array& w, Array& m, Array&) {
  for (std::size_t i = 0; i < w.size(); ++i) {
    if (decay) w(i) *= 1 - lr * r.weight_decay;
    double const c = r.beta1 * m(i) + (1 - r.beta1) * g(i);
    w(i) -= lr * ((c > 0) - (c < 0));
    m(i) = r.beta2 * m(i) + (1 - r.beta2) * g(i);
  }
}

/// The learning rate and gradient scale of a step.
double rate_of(int step) {
  return 1e-2 / step;
}
double scale_of(int step) {
  return step % 2 ? 1.0 : 0.5;
}

template <class R>
Array oracle_run(R const& rule, int steps) {
  std::vector<std::size_t> const sizes = {15, 7, 1, 1320};
  Array all(std::vector<std::size_t>{15 + 7 + 1 + 1320});
  std::size_t at = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    Array w = filled(100 + i, {sizes[i]}), m({sizes[i]}), v({sizes[i]});
    for (int step = 1; step <= steps; ++step)
      oracle_step(rule, rate_of(step), step, i != 1, filled(200 + 10 * step + i, {sizes[i]}, scale_of(step)), w, m, v);
    for (double const x : w.data) all.data[at++] = x;
  }
  return all;
}

template <class T>
Array krate_run(Rule const& rule, int steps, TestSpace const& space = {}) {
  auto const list = some_parameters<T>();
  krate::optim::OptimizerState<TestSpace, T> const state(space, rule, list);
  set_values(list, 100);
  for (int step = 1; step <= steps; ++step) {
    set_gradients(list, 200 + 10 * step);
    krate::optim::update(space, rule, rate_of(step), step, list, factor<T>(scale_of(step)), state);
    space.fence("krate::test");
  }
  return all_values(list);
}

template <class T>
struct UpdateTest : ::testing::Test {};
SCALAR_TESTS(UpdateTest, krate::testing::Scalars);

SCALAR_TEST(UpdateTest, AdamWMatchesHostOracle) {
  AdamW const rule{.weight_decay = 0.5};
  EXPECT_LE(worst_error(krate_run<TypeParam>(rule, 10), oracle_run(rule, 10)), tolerance<TypeParam>(10));
}

SCALAR_TEST(UpdateTest, LionMatchesHostOracle) {
  Lion const rule{.weight_decay = 0.5};
  // One sign is the sum of few numbers: none of these is so close to zero that float could turn it.
  EXPECT_LE(worst_error(krate_run<TypeParam>(rule, 10), oracle_run(rule, 10)), tolerance<TypeParam>(10));
}

/// One parameter, one gradient, numbers worked out by hand.
template <class T>
double one_step(Rule const& rule, double value, double gradient) {
  krate::ParameterList<TestSpace, T> const list(TestSpace(), {{.name = "w", .shape = {1}}});
  krate::optim::OptimizerState<TestSpace, T> const state(TestSpace(), rule, list);
  krate::testing::set_all(list.value(0), static_cast<T>(value));
  krate::testing::set_all(list.gradient(0), static_cast<T>(gradient));
  krate::optim::update(TestSpace(), rule, 0.1, 1, list, factor<T>(1), state);
  return to_array(list.value(0))(0);
}

SCALAR_TEST(UpdateTest, HandCheckedSteps) {
  double const eps = std::numeric_limits<TypeParam>::epsilon();
  // Decay takes 0.1 * 0.5 of 2; the first step of Adam is the sign of the gradient, 4 / (4 + epsilon) of it.
  EXPECT_NEAR(one_step<TypeParam>(AdamW{.epsilon = 1e-20, .weight_decay = 0.5}, 2, 4), 1.8, 8 * eps);
  EXPECT_NEAR(one_step<TypeParam>(AdamW{.epsilon = 4, .weight_decay = 0}, 2, 4), 1.95, 8 * eps);
  EXPECT_NEAR(one_step<TypeParam>(Lion{.weight_decay = 0.5}, 2, -1e-3), 2.0, 8 * eps);
  EXPECT_EQ(one_step<TypeParam>(Lion{.weight_decay = 0}, 2, 0), 2);  // sign(0) = 0
  EXPECT_EQ(one_step<TypeParam>(AdamW{.weight_decay = 0}, 2, 0), 2);
}

SCALAR_TEST(UpdateTest, NaNShowsInTheParameters) {
  double const nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(std::isnan(one_step<TypeParam>(AdamW{}, 1, nan)));
  EXPECT_TRUE(std::isnan(one_step<TypeParam>(Lion{}, 1, nan)));
}

SCALAR_TEST(UpdateTest, LowersAQuadratic) {
  using T = TypeParam;
  for (Rule const& rule : {Rule(AdamW{.weight_decay = 0}), Rule(Lion{.weight_decay = 0})}) {
    auto const list = some_parameters<T>();
    krate::optim::OptimizerState<TestSpace, T> const state(TestSpace(), rule, list);
    set_values(list, 300);
    auto const loss = [&] {
      auto const w = all_values(list);
      return krate::testing::dot(w, w);
    };
    double const before = loss();
    for (int step = 1; step <= 20; ++step) {
      for (std::size_t i = 0; i < list.entries().size(); ++i)
        krate::testing::assign(list.gradient(i), krate::testing::to_array(list.value(i)));
      krate::optim::update(TestSpace(), rule, 0.02, step, list, factor<T>(1), state);
    }
    EXPECT_LT(loss(), 0.5 * before);
  }
}

SCALAR_TEST(UpdateTest, GradientsCanBeZeroedInTheSweepWithoutChangingTheStep) {
  using T = TypeParam;
  for (Rule const& rule : {Rule(AdamW{}), Rule(Lion{})}) {
    auto const stepped = [&](krate::optim::Gradients gradients) {
      auto const list = some_parameters<T>();
      krate::optim::OptimizerState<TestSpace, T> const state(TestSpace(), rule, list);
      set_values(list, 100);
      set_gradients(list, 210);
      krate::optim::update(TestSpace(), rule, 0.1, 1, list, factor<T>(0.5), state, gradients);
      return list;
    };
    auto const kept = stepped(krate::optim::Gradients::keep), zeroed = stepped(krate::optim::Gradients::zero);
    EXPECT_TRUE(same_bits(all_values(kept), all_values(zeroed)));
    for (auto const& segment : zeroed.segments())
      for (double const g : to_array(segment.gradient).data) EXPECT_EQ(g, 0);
  }
}

SCALAR_TEST(UpdateTest, PaddingStaysZeroAndGradientsStay) {
  using T = TypeParam;
  for (Rule const& rule : {Rule(AdamW{}), Rule(Lion{})}) {
    auto const list = some_parameters<T>();
    krate::optim::OptimizerState<TestSpace, T> const state(TestSpace(), rule, list);
    set_values(list, 100);
    set_gradients(list, 210);
    krate::optim::update(TestSpace(), rule, 0.1, 1, list, factor<T>(0.5), state);
    for (std::size_t i = 0; i < list.entries().size(); ++i)
      EXPECT_LE(worst_error(to_array(list.gradient(i)), filled(210 + i, {list.entries()[i].size})), tolerance<T>(1));
    std::size_t not_zero = 0;
    for (auto const& segment : list.segments())
      for (double const v : to_array(segment.value).data) not_zero += v != 0;
    EXPECT_EQ(not_zero, list.count());
    EXPECT_LT(list.count(), list.length());
  }
}

SCALAR_TEST(UpdateTest, MomentsWithoutGradientEndAtZero) {
  using T = TypeParam;
  krate::ParameterList<TestSpace, T> const list(TestSpace(), {{.name = "w", .shape = {33}}});
  krate::optim::OptimizerState<TestSpace, T> const state(TestSpace(), AdamW{}, list);
  T const small = 1000 * std::numeric_limits<T>::min();
  for (std::size_t moment = 0; moment < 2; ++moment) krate::testing::set_all(state.view(moment), small);
  for (int step = 1; step <= 120; ++step) {
    krate::testing::set_all(list.gradient(0), T(0));
    krate::optim::update(TestSpace(), AdamW{.beta2 = 0.9}, 0.1, step, list, factor<T>(1), state);
  }
  for (std::size_t moment = 0; moment < 2; ++moment)
    for (double const m : to_array(state.view(moment)).data) EXPECT_EQ(m, 0);
}

SCALAR_TEST(UpdateTest, ForeignViewsGiveTheSame) {
  using T = TypeParam;
  for (Rule const& rule : {Rule(AdamW{}), Rule(Lion{})}) {
    auto const w = view<T, 2>(filled(100, {3, 5})), g = view<T, 2>(filled(210, {3, 5}));
    auto const w2 = view<T, 1>(filled(101, {7})), g2 = view<T, 1>(filled(211, {7}));
    krate::ParameterList<TestSpace, T> foreign;
    foreign.adopt("a", w, g);
    foreign.adopt("b", w2, g2, false);
    auto const own = some_parameters<T>();
    set_values(own, 100);
    set_gradients(own, 210);
    auto const two_steps = [&](krate::ParameterList<TestSpace, T> const& list) {
      krate::optim::OptimizerState<TestSpace, T> const state(TestSpace(), rule, list);
      for (int const step : {1, 2}) krate::optim::update(TestSpace(), rule, 0.1, step, list, factor<T>(1), state);
    };
    two_steps(foreign);
    two_steps(own);
    EXPECT_TRUE(same_bits(to_array(w).reshaped({15}), to_array(own.value(0))));
    EXPECT_TRUE(same_bits(to_array(w2), to_array(own.value(1))));
  }
}

SCALAR_TEST(UpdateTest, RepeatsToTheBitForAnyNumberOfThreads) {
  for (Rule const& rule : {Rule(AdamW{}), Rule(Lion{})}) {
    Array const one = krate_run<TypeParam>(rule, 3);
    EXPECT_TRUE(same_bits(one, krate_run<TypeParam>(rule, 3)));
    EXPECT_TRUE(same_bits(one, krate_run<TypeParam>(rule, 3, one_thread())));
  }
}

SCALAR_TEST(UpdateTest, EmptyListIsFine) {
  krate::ParameterList<TestSpace, TypeParam> const list(TestSpace(), {});
  for (Rule const& rule : {Rule(AdamW{}), Rule(Lion{})}) {
    krate::optim::OptimizerState<TestSpace, TypeParam> const state(TestSpace(), rule, list);
    krate::optim::update(TestSpace(), rule, 0.1, 1, list, factor<TypeParam>(1), state);
  }
}

SCALAR_TEST(UpdateTest, StateKnowsItsNames) {
  using T = TypeParam;
  auto const list = some_parameters<T>();
  krate::optim::OptimizerState<TestSpace, T> const adam(TestSpace(), AdamW{}, list), lion(TestSpace(), Lion{}, list);
  ASSERT_EQ(adam.names().size(), 2u);
  ASSERT_EQ(lion.names().size(), 1u);
  EXPECT_STREQ(adam.names()[0], "first_moment");
  EXPECT_STREQ(adam.names()[1], "second_moment");
  EXPECT_STREQ(lion.names()[0], "momentum");
  EXPECT_EQ(adam.view(1).extent(0), list.length());
  EXPECT_EQ(krate::testing::dot(to_array(adam.view(0)), to_array(adam.view(0))), 0);
}

SCALAR_TEST(UpdateTest, SaysWhatIsWrong) {
  using T = TypeParam;
  TestSpace const space;
  auto const list = some_parameters<T>();
  auto const one = factor<T>(1);
  auto const s = zeros<T>(list.length()), small = zeros<T>(3);
  using namespace krate::optim;
  EXPECT_ERROR(krate::ShapeError, "krate::optim::adamw_update: second_moment has shape [3], expected [",
               adamw_update(space, AdamW{}, 0.1, 1, list, one, s, small));
  EXPECT_ERROR(krate::ValueError, "step = 0, but it counts from 1",
               adamw_update(space, AdamW{}, 0.1, 0, list, one, s, s));
  EXPECT_ERROR(krate::ValueError, "beta2 = 1, but it must lie in [0, 1)",
               adamw_update(space, AdamW{.beta2 = 1}, 0.1, 1, list, one, s, s));
  EXPECT_ERROR(krate::ValueError, "epsilon = 0, but it must be positive",
               adamw_update(space, AdamW{.epsilon = 0}, 0.1, 1, list, one, s, s));
  EXPECT_ERROR(krate::ShapeError, "krate::optim::lion_update: momentum has shape [3], expected [",
               lion_update(space, Lion{}, 0.1, list, one, small));
  EXPECT_ERROR(krate::ValueError, "learning_rate = -1, but it must not be negative",
               lion_update(space, Lion{}, -1, list, one, s));
  EXPECT_ERROR(krate::ValueError,
               "krate::optim::update: rule = lion, but it is not the rule that the state was made for",
               update(space, Lion{}, 0.1, 1, list, one, OptimizerState<TestSpace, T>(space, AdamW{}, list)));
}

SCALAR_TEST(UpdateTest, Conduct) {
  using T = TypeParam;
  TestSpace const space;
  auto const list = some_parameters<T>();
  auto const one = factor<T>(1);
  for (Rule const& rule : {Rule(AdamW{}), Rule(Lion{})}) {
    krate::optim::OptimizerState<TestSpace, T> const state(space, rule, list);
    expect_good_conduct(space, [&] { krate::optim::update(space, rule, 0.1, 1, list, one, state); });
  }
}

}  // namespace
