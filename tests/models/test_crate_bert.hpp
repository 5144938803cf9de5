// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/crate_bert.hpp"
#include "models/token_reference.hpp"

namespace krate::testing {
namespace {

template <class Scalar>
struct CrateBertReference : ::testing::Test {
  using Model = models::CrateBert<TestSpace, Scalar>;
  using Run = TokenReference<Model>;
};
SCALAR_TESTS(CrateBertReference, Scalars);

SCALAR_TEST(CrateBertReference, OutputsAndEveryIntermediateAgree) {
  typename TestFixture::Run run("crate_bert.h5");
  run.expect_outputs();
  EXPECT_EQ(to_array(run.state.positions).data, run.expected("/input/position_ids").data);
  EXPECT_EQ(to_array(run.state.keys).data, run.expected("/input/attention_mask").data);
}

SCALAR_TEST(CrateBertReference, EveryGradientAgrees) {
  typename TestFixture::Run("crate_bert.h5").expect_gradients();
}

SCALAR_TEST(CrateBertReference, TenStepsOfAdamWAndLionFollowTheCurves) {
  if (!std::is_same_v<TypeParam, double>) return;  // parameters after ten steps are not comparable in float
  for (auto const* optimizer : {"adamw", "lion"}) {
    typename TestFixture::Run run("crate_bert.h5");
    expect_reference_curve(run, optimizer);
  }
}

SCALAR_TEST(CrateBertReference, RecomputingChangesNoBit) {
  typename TestFixture::Run whole("crate_bert.h5"), less("crate_bert.h5", models::Pass::recompute);
  EXPECT_EQ(whole.forward(), less.forward());
  whole.backward();
  less.backward();
  auto const &expected = whole.model.parameters(), &found = less.model.parameters();
  for (std::size_t i = 0; i < expected.entries().size(); ++i)
    EXPECT_EQ(to_array(expected.gradient(i)).data, to_array(found.gradient(i)).data) << expected.entries()[i].name;
}

SCALAR_TEST(CrateBertReference, PaddingChangesNoOtherToken) {
  using T = TypeParam;
  TestSpace const space;
  typename TestFixture::Run run("crate_bert.h5");
  run.forward();
  Array const ids = to_array(run.ids), with = to_array(run.state.logits);
  std::size_t const tokens = ids.extent(1), classes = run.model.config().vocabulary;
  // The last sample is filled up with five tokens of padding; here it stands alone and short.
  std::size_t const sample = ids.extent(0) - 1, real = tokens - 5;
  Array alone({1, real});
  for (std::size_t t = 0; t < real; ++t) alone(0, t) = ids(sample, t);
  Array types = run.expected("/input/token_types"), own({1, real});
  for (std::size_t t = 0; t < real; ++t) own(0, t) = types(sample, t);
  Arena<TestSpace> const arena(space, run.model.plan(1, real, models::Pass::inference));
  auto work = arena.workspace();
  typename TestFixture::Model::State state;
  run.model.cut(work, 1, real, models::Pass::inference, state);
  run.model.forward(space, to_view<TestSpace, Label, 2>(alone), to_view<TestSpace, Label, 2>(own), state, work);
  Array const without = to_array(state.logits);
  Array expected({real, classes});
  for (std::size_t i = 0; i < expected.size(); ++i) expected.data[i] = with.data[sample * tokens * classes + i];
  EXPECT_LE(worst_error(without, expected), ReferenceBound<T>::output);
}

SCALAR_TEST(CrateBertReference, ParameterCountsAreTheOfficialOnes) {
  // tests/data/parameter_counts.json, models.crate_bert.base_50265.total
  auto const table = TestFixture::Model::parameter_table(models::crate_bert_config("base"));
  std::size_t count = 0;
  for (auto const& spec : table.specs()) count += Array::count(spec.shape);
  EXPECT_EQ(count, 60912729u);
}

SCALAR_TEST(CrateBertReference, ConfigurationsThatCannotWorkAreExplained) {
  using M = typename TestFixture::Model;
  TestSpace space;
  EXPECT_ERROR(ValueError, "heads = 5, but it must divide dim = 64", M(space, {.dim = 64, .heads = 5}));
  EXPECT_ERROR(ValueError, "padding = 300, but it must be an id of the vocabulary", M(space, {.padding = 300}));
  EXPECT_ERROR(ValueError, "there is no size named large; use base", models::crate_bert_config("large"));
  auto const stored = models::CrateBertConfig{}.configuration();
  EXPECT_EQ(models::CrateBertConfig::from(stored).configuration(), stored);
}

}  // namespace
}  // namespace krate::testing
