// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/gpt2.hpp"
#include "models/token_reference.hpp"

namespace krate::testing {
namespace {

char const* const gpt2_file = "gpt2_tiny.h5";

template <class Scalar>
struct Gpt2Reference : ::testing::Test {
  using Model = models::Gpt2<TestSpace, Scalar>;
  using Run = TokenReference<Model>;
};
SCALAR_TESTS(Gpt2Reference, Scalars);

SCALAR_TEST(Gpt2Reference, OutputsAndEveryGradientAgree) {
  using T = TypeParam;
  typename TestFixture::Run run(gpt2_file);
  double const found = run.forward(), wanted = run.expected("/output/loss").data[0];
  EXPECT_LE(std::abs(found - wanted), ReferenceBound<T>::loss * std::abs(wanted));
  run.compare(to_array(run.state.logits), "/output/logits", ReferenceBound<T>::output);
  run.expect_gradients();
}

SCALAR_TEST(Gpt2Reference, TenStepsOfAdamWFollowTheCurve) {
  if (!std::is_same_v<TypeParam, double>) return;  // parameters after ten steps are not comparable in float
  typename TestFixture::Run run(gpt2_file);
  expect_reference_curve(run, "adamw");
}

SCALAR_TEST(Gpt2Reference, RecomputingChangesNoBit) {
  typename TestFixture::Run whole(gpt2_file), less(gpt2_file, models::Pass::recompute);
  EXPECT_EQ(whole.forward(), less.forward());
  whole.backward();
  less.backward();
  auto const &expected = whole.model.parameters(), &found = less.model.parameters();
  for (std::size_t i = 0; i < expected.entries().size(); ++i)
    EXPECT_EQ(to_array(expected.gradient(i)).data, to_array(found.gradient(i)).data) << expected.entries()[i].name;
}

SCALAR_TEST(Gpt2Reference, LaterTokensChangeNoEarlierLogit) {
  typename TestFixture::Run run(gpt2_file);
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

SCALAR_TEST(Gpt2Reference, StepByStepIsTheSameAsAllAtOnce) {
  typename TestFixture::Run run(gpt2_file);
  expect_steps(run);
}

SCALAR_TEST(Gpt2Reference, StartsAsInNanoGpt) {
  typename TestFixture::Model const model(TestSpace{}, {.vocabulary = 60, .context = 40, .dim = 64, .depth = 2},
                                          Seed{3});
  auto const& list = model.parameters();
  auto const deviation = [&](char const* name) {
    Array const a = to_array(list.value(list.index(name)));
    return std::sqrt(dot(a, a) / static_cast<double>(a.size()));
  };
  EXPECT_NEAR(deviation("token_embedding"), 0.02, 0.002);
  EXPECT_NEAR(deviation("blocks/00/mhsa/projection/weight"), 0.02, 0.002);
  EXPECT_NEAR(deviation("blocks/01/mhsa/output/weight"), 0.01, 0.001);
  EXPECT_NEAR(deviation("blocks/00/mlp/first/weight"), 0.02, 0.002);
  EXPECT_NEAR(deviation("blocks/01/mlp/second/weight"), 0.01, 0.001);
  EXPECT_EQ(deviation("blocks/01/mlp/second/bias"), 0);
  EXPECT_EQ(deviation("norm/weight"), 1);
}

SCALAR_TEST(Gpt2Reference, ParameterCountsAreThoseOfGpt2) {
  struct {
    char const* size;
    std::size_t count;
  } const official[] = {{"base", 124439808}, {"medium", 354823168}, {"large", 774030080}, {"xl", 1557611200}};
  for (auto const& o : official) {
    std::size_t count = 0;
    auto const table = TestFixture::Model::parameter_table(models::gpt2_config(o.size));
    for (auto const& spec : table.specs()) count += Array::count(spec.shape);
    EXPECT_EQ(count, o.count) << o.size;
  }
}

SCALAR_TEST(Gpt2Reference, ConfigurationsThatCannotWorkAreExplained) {
  using M = typename TestFixture::Model;
  TestSpace space;
  EXPECT_ERROR(ValueError, "heads = 5, but it must divide dim = 64", M(space, {.dim = 64, .heads = 5}));
  EXPECT_ERROR(ValueError, "context = 0, but it must be positive", M(space, {.context = 0}));
  EXPECT_ERROR(ValueError, "there is no size named huge; use base, medium, large or xl", models::gpt2_config("huge"));
  auto const stored = models::Gpt2Config{}.configuration();
  EXPECT_EQ(models::Gpt2Config::from(stored).configuration(), stored);
  typename TestFixture::Run run(gpt2_file);
  Arena<TestSpace> const arena(space, run.model.plan(1, 13, models::Pass::inference));
  auto work = arena.workspace();
  run.model.cut(work, 1, 13, models::Pass::inference, run.state);
  EXPECT_ERROR(ValueError, "tokens = 13, but it must be at most the context of the model, 12",
               run.model.forward(space, to_view<TestSpace, Label, 2>(Array({1, 13})), run.state, work));
}

}  // namespace
}  // namespace krate::testing
