// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/tost_causal.hpp"
#include "models/token_reference.hpp"

namespace krate::testing {
namespace {

char const* const tost_causal_file = "tost_causal.h5";

template <class Scalar>
struct TostCausalReference : ::testing::Test {
  using Model = models::TostCausal<TestSpace, Scalar>;
  using Run = TokenReference<Model>;
};
SCALAR_TESTS(TostCausalReference, Scalars);

SCALAR_TEST(TostCausalReference, OutputsAndEveryIntermediateAgree) {
  typename TestFixture::Run run(tost_causal_file);
  run.expect_outputs();
  for (std::size_t i = 0; i < run.model.config().depth; ++i) {
    auto const& saved = run.state.stack.saved[i];
    std::string const at = "/intermediate/block_" + std::to_string(i);
    run.compare(to_array(saved.attended), at + "/attention", ReferenceBound<TypeParam>::output);
    run.compare(to_array(saved.tssa.statistics.membership), at + "/membership", ReferenceBound<TypeParam>::output);
  }
}

SCALAR_TEST(TostCausalReference, EveryGradientAgrees) {
  typename TestFixture::Run(tost_causal_file).expect_gradients();
}

SCALAR_TEST(TostCausalReference, TenStepsOfAdamWAndLionFollowTheCurves) {
  if (!std::is_same_v<TypeParam, double>) return;  // parameters after ten steps are not comparable in float
  for (auto const* optimizer : {"adamw", "lion"}) {
    typename TestFixture::Run run(tost_causal_file);
    expect_reference_curve(run, optimizer);
  }
}

SCALAR_TEST(TostCausalReference, RecomputingChangesNoBit) {
  typename TestFixture::Run whole(tost_causal_file), less(tost_causal_file, models::Pass::recompute);
  EXPECT_EQ(whole.forward(), less.forward());
  whole.backward();
  less.backward();
  auto const &expected = whole.model.parameters(), &found = less.model.parameters();
  for (std::size_t i = 0; i < expected.entries().size(); ++i)
    EXPECT_EQ(to_array(expected.gradient(i)).data, to_array(found.gradient(i)).data) << expected.entries()[i].name;
}

SCALAR_TEST(TostCausalReference, LaterTokensChangeNoEarlierLogit) {
  typename TestFixture::Run run(tost_causal_file);
  run.forward();
  Array const before = to_array(run.state.logits);
  Array ids = to_array(run.ids);
  std::size_t const tokens = ids.extent(1), classes = run.model.config().vocabulary;
  ids(0, tokens - 1) = ids(0, tokens - 1) == 0 ? 1 : 0;
  run.ids = to_view<TestSpace, Label, 2>(ids);
  run.forward();
  Array const after = to_array(run.state.logits);
  for (std::size_t i = 0; i < (tokens - 1) * classes; ++i) EXPECT_EQ(after.data[i], before.data[i]);
  EXPECT_NE(after((tokens - 1), 0), before((tokens - 1), 0));
}

SCALAR_TEST(TostCausalReference, StepByStepIsTheSameAsAllAtOnce) {
  typename TestFixture::Run run(tost_causal_file);
  expect_steps(run);
}

/// With biases, which the reference values do not have: five-point gradients of what was made up.
SCALAR_TEST(TostCausalReference, FivePointGradientsWithBiases) {
  if constexpr (std::is_same_v<TypeParam, double>) {
    TestSpace const space;
    std::size_t const batch = 2, tokens = 5, classes = 7;
    models::TostCausal<TestSpace, double> const model(
        space, {.vocabulary = classes, .context = 6, .dim = 8, .depth = 2, .heads = 2, .bias = true}, Seed{4});
    auto const& list = model.parameters();
    for (std::size_t i = 0; i < list.entries().size(); ++i)
      krate::testing::assign(list.value(i), filled(i, {list.entries()[i].size}));
    Array ids({batch, tokens});
    for (std::size_t i = 0; i < ids.size(); ++i) ids.data[i] = static_cast<double>(3 * i % classes);
    auto const input = to_view<TestSpace, Label, 2>(ids);
    Array const upstream = filled(77, {batch * tokens, classes});
    Arena<TestSpace> const arena(space, model.plan(batch, tokens, models::Pass::training));
    auto work = arena.workspace();
    models::TostCausalState<TestSpace, double> state;
    model.cut(work, batch, tokens, models::Pass::training, state);
    auto const value = [&] {
      model.forward(space, input, state, work);
      return dot(to_array(state.logits), upstream);
    };
    value();
    model.backward(space, to_view<TestSpace, double, 2>(upstream), state, work);
    for (std::size_t i = 0; i < list.entries().size(); ++i) {
      Array const at = to_array(list.value(i)), gradient = to_array(list.gradient(i));
      auto const loss = [&](Array const& moved) {
        krate::testing::assign(list.value(i), moved);
        return value();
      };
      EXPECT_LE(gradient_error(loss, at, gradient, 1e-4), 1e-6) << list.entries()[i].name;
      loss(at);
    }
  }
}

SCALAR_TEST(TostCausalReference, StartsAsTheAuthorsCode) {
  typename TestFixture::Model const model(TestSpace{}, {.vocabulary = 60, .context = 40, .dim = 64, .depth = 2},
                                          Seed{3});
  auto const& list = model.parameters();
  auto const deviation = [&](char const* name) {
    Array const a = to_array(list.value(list.index(name)));
    return std::sqrt(dot(a, a) / static_cast<double>(a.size()));
  };
  EXPECT_NEAR(deviation("token_embedding"), 0.02, 0.002);
  EXPECT_NEAR(deviation("blocks/00/tssa/projection/weight"), 0.02, 0.002);
  EXPECT_NEAR(deviation("blocks/01/tssa/output/weight"), 0.01, 0.001);
  EXPECT_NEAR(deviation("blocks/01/mlp/second/weight"), 0.01, 0.001);
  EXPECT_EQ(deviation("blocks/01/tssa/temperature"), 1);
  EXPECT_EQ(deviation("blocks/01/tssa/position_bias"), 0);
  EXPECT_NEAR(deviation("blocks/00/scale_mlp"), 1e-5, 1e-12);
}

SCALAR_TEST(TostCausalReference, ParameterCountsAreTheOfficialOnes) {
  // tests/data/parameter_counts.json, models.tost_causal_no_bias.*.total and total_with_biases
  struct {
    char const* size;
    std::size_t count, with_biases;
  } const official[] = {
      {"base", 110384016, 110467728}, {"medium", 304711040, 304933248}, {"large", 656447440, 656863440}};
  for (auto const& o : official) {
    auto config = models::tost_causal_config(o.size);
    for (bool const bias : {false, true}) {
      config.bias = bias;
      std::size_t count = 0;
      auto const table = TestFixture::Model::parameter_table(config);
      for (auto const& spec : table.specs()) count += Array::count(spec.shape);
      EXPECT_EQ(count, bias ? o.with_biases : o.count) << o.size;
    }
  }
}

SCALAR_TEST(TostCausalReference, ConfigurationsThatCannotWorkAreExplained) {
  using M = typename TestFixture::Model;
  TestSpace space;
  EXPECT_ERROR(ValueError, "heads = 5, but it must divide dim = 64", M(space, {.dim = 64, .heads = 5}));
  EXPECT_ERROR(ValueError, "context = 0, but it must be positive", M(space, {.context = 0}));
  EXPECT_ERROR(ValueError, "there is no size named huge; use base, medium or large",
               models::tost_causal_config("huge"));
  auto stored = models::TostCausalConfig{}.configuration();
  EXPECT_EQ(models::TostCausalConfig::from(stored).configuration(), stored);
  stored.set("dropout", 0.1);
  EXPECT_ERROR(ValueError, "dropout = 0.1, but it must be 0", models::TostCausalConfig::from(stored));
  typename TestFixture::Run run(tost_causal_file);
  Arena<TestSpace> const arena(space, run.model.plan(1, 13, models::Pass::inference));
  auto work = arena.workspace();
  run.model.cut(work, 1, 13, models::Pass::inference, run.state);
  EXPECT_ERROR(ValueError, "tokens = 13, but it must be at most the context of the model, 12",
               run.model.forward(space, to_view<TestSpace, Label, 2>(Array({1, 13})), run.state, work));
}

}  // namespace
}  // namespace krate::testing
