// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/causal_crate.hpp"
#include "models/token_reference.hpp"

namespace krate::testing {
namespace {

template <class Scalar>
struct CausalCrateReference : ::testing::Test {
  using Model = models::CausalCrate<TestSpace, Scalar>;
  using Run = TokenReference<Model>;
};
SCALAR_TESTS(CausalCrateReference, Scalars);
char const* const causal_files[] = {"crate_causal.h5", "crate_causal_overcomplete.h5"};

SCALAR_TEST(CausalCrateReference, OutputsAndEveryIntermediateAgree) {
  for (auto const* name : causal_files) typename TestFixture::Run(name).expect_outputs();
}

SCALAR_TEST(CausalCrateReference, EveryGradientAgrees) {
  for (auto const* name : causal_files) typename TestFixture::Run(name).expect_gradients();
}

SCALAR_TEST(CausalCrateReference, TenStepsOfAdamWAndLionFollowTheCurves) {
  if (!std::is_same_v<TypeParam, double>) return;  // parameters after ten steps are not comparable in float
  for (auto const* name : causal_files) {
    for (auto const* optimizer : {"adamw", "lion"}) {
      typename TestFixture::Run run(name);
      expect_reference_curve(run, optimizer);
    }
  }
}

SCALAR_TEST(CausalCrateReference, RecomputingChangesNoBit) {
  for (auto const* name : causal_files) {
    typename TestFixture::Run whole(name), less(name, models::Pass::recompute);
    EXPECT_EQ(whole.forward(), less.forward());
    whole.backward();
    less.backward();
    auto const &expected = whole.model.parameters(), &found = less.model.parameters();
    for (std::size_t i = 0; i < expected.entries().size(); ++i)
      EXPECT_EQ(to_array(expected.gradient(i)).data, to_array(found.gradient(i)).data) << expected.entries()[i].name;
  }
}

SCALAR_TEST(CausalCrateReference, LaterTokensChangeNoEarlierLogit) {
  typename TestFixture::Run run("crate_causal.h5");
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

template <class T>
void expect_steps_agree(char const* name) {
  using Model = models::CausalCrate<TestSpace, T>;
  TokenReference<Model> run(name);
  run.forward();
  Array const expected = to_array(run.state.logits), ids = to_array(run.ids);
  std::size_t const batch = ids.extent(0), tokens = ids.extent(1), classes = run.model.config().vocabulary;
  auto const& model = run.model;
  typename Model::State state;
  models::TokenCache<TestSpace, T> cache;
  auto const prepare = [&](auto& work) {
    model.cut(work, batch, cache);
    model.cut(work, batch, 1, models::Pass::inference, state);
  };
  for (bool const prepared : {false, true}) {
    Arena<TestSpace> const arena(run.space, model.prepared_bytes() + model.step_workspace(batch) +
                                                measure<TestSpace>([&](auto& work) { prepare(work); }));
    auto work = arena.workspace();
    if (prepared) model.prepare(run.space, work, state);
    prepare(work);
    Array found(expected.shape);
    for (std::size_t t = 0; t < tokens; ++t) {
      Array now({batch, 1});
      for (std::size_t b = 0; b < batch; ++b) now(b, 0) = ids(b, t);
      model.step(run.space, to_view<TestSpace, Label, 2>(now), t, state, cache, work);
      Array const logits = to_array(state.logits);
      for (std::size_t b = 0; b < batch; ++b)
        for (std::size_t c = 0; c < classes; ++c) found(b * tokens + t, c) = logits(b, c);
    }
    EXPECT_LE(worst_error(found, expected), ReferenceBound<T>::output) << prepared;
  }
}

SCALAR_TEST(CausalCrateReference, StepsGiveTheLogitsOfTheWholeText) {
  for (auto const* name : causal_files) expect_steps_agree<TypeParam>(name);
}

SCALAR_TEST(CausalCrateReference, TwentyStepsOnOneBatchLowerTheLoss) {
  using T = TypeParam;
  typename TestFixture::Run run("crate_causal.h5");
  auto const& list = run.model.parameters();
  optim::Rule const rule = optim::AdamW{.learning_rate = 1e-2};
  optim::OptimizerState<TestSpace, T> const state(run.space, rule, list);
  Kokkos::View<T, TestSpace> const scale("scale");
  krate::testing::set_all(scale, T(1));
  double const before = run.forward();
  for (int step = 1; step <= 20; ++step) {
    run.forward();
    run.backward();
    optim::update(run.space, rule, 1e-2, step, list, scale, state);
  }
  EXPECT_LT(run.forward(), 0.7 * before);
}

SCALAR_TEST(CausalCrateReference, StartsAsTheAuthorsCode) {
  typename TestFixture::Model const model(TestSpace{}, {.vocabulary = 60, .context = 40, .dim = 64, .depth = 2},
                                          Seed{3});
  auto const& list = model.parameters();
  auto const deviation = [&](char const* name) {
    Array const a = to_array(list.value(list.index(name)));
    return std::sqrt(dot(a, a) / static_cast<double>(a.size()));
  };
  EXPECT_NEAR(deviation("token_embedding"), 0.02, 0.002);
  EXPECT_NEAR(deviation("position_embedding"), 0.02, 0.002);
  EXPECT_NEAR(deviation("blocks/00/mssa/projection"), 0.02, 0.002);
  EXPECT_NEAR(deviation("blocks/01/mssa/output/weight"), 0.01, 0.001);
  EXPECT_EQ(deviation("blocks/01/mssa/output/bias"), 0);
  EXPECT_NEAR(deviation("blocks/00/ista/dictionary"), std::sqrt(2.0 / 64), 0.02);
  EXPECT_EQ(deviation("blocks/00/norm_ista/weight"), 1);
}

SCALAR_TEST(CausalCrateReference, ParameterCountsAreTheOfficialOnes) {
  // tests/data/parameter_counts.json, models.causal_crate.*.total
  struct {
    char const* size;
    std::size_t vocabulary, count;
  } const official[] = {{"1l", 50257, 27044864},
                        {"base", 50304, 60699648},
                        {"base", 50257, 60663552},
                        {"medium", 50257, 128132096},
                        {"large", 50257, 242817280},
                        {"xl", 50257, 451073600},
                        {"overcomplete_base", 50304, 81934848},
                        {"overcomplete_1l", 50257, 42928128}};
  for (auto const& o : official) {
    auto const table = TestFixture::Model::parameter_table(models::causal_crate_config(o.size, o.vocabulary));
    std::size_t count = 0;
    for (auto const& spec : table.specs()) count += Array::count(spec.shape);
    EXPECT_EQ(count, o.count) << o.size;
  }
}

SCALAR_TEST(CausalCrateReference, ConfigurationsThatCannotWorkAreExplained) {
  using M = typename TestFixture::Model;
  TestSpace space;
  EXPECT_ERROR(ValueError, "heads = 5, but it must divide dim = 64", M(space, {.dim = 64, .heads = 5}));
  EXPECT_ERROR(ValueError, "context = 0, but it must be positive", M(space, {.context = 0}));
  EXPECT_ERROR(ValueError, "there is no size named huge; use 1l, base", models::causal_crate_config("huge"));
  auto const stored = models::CausalCrateConfig{}.configuration();
  EXPECT_EQ(models::CausalCrateConfig::from(stored).configuration(), stored);
  typename TestFixture::Run run("crate_causal.h5");
  Arena<TestSpace> const arena(space, run.model.plan(1, 13, models::Pass::inference));
  auto work = arena.workspace();
  run.model.cut(work, 1, 13, models::Pass::inference, run.state);
  EXPECT_ERROR(ValueError, "tokens = 13, but it must be at most the context of the model, 12",
               run.model.forward(space, to_view<TestSpace, Label, 2>(Array({1, 13})), run.state, work));
}

}  // namespace
}  // namespace krate::testing
