// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// CRATE with multi-head attention, or an MLP, or both in the place of its own halves.
#pragma once

#include "models/image_reference.hpp"

namespace krate::testing {
namespace {

char const* const halves[] = {"crate_mssa_mlp.h5", "crate_mhsa_ista.h5", "crate_mhsa_mlp.h5"};

template <class Scalar>
struct CrateHalves : ::testing::Test {
  using Run = ReferenceRun<TestSpace, Scalar, models::Crate>;
};
SCALAR_TESTS(CrateHalves, Scalars);

SCALAR_TEST(CrateHalves, OutputsAndEveryGradientAgree) {
  for (auto const* file : halves) {
    SCOPED_TRACE(file);
    typename TestFixture::Run run(file);
    expect_image_reference(run);
  }
}

SCALAR_TEST(CrateHalves, TenStepsOfAdamWFollowTheCurve) {
  if (!std::is_same_v<TypeParam, double>) return;  // parameters after ten steps are not comparable in float
  for (auto const* file : halves) {
    SCOPED_TRACE(file);
    typename TestFixture::Run run(file);
    expect_reference_curve(run, "adamw");
  }
}

SCALAR_TEST(CrateHalves, RecomputingAndPreparingChangeNoBit) {
  for (auto const* file : halves) {
    SCOPED_TRACE(file);
    typename TestFixture::Run whole(file), less(file, models::Pass::recompute);
    expect_same_gradients(whole, less);
    auto const& model = whole.model;
    std::size_t const batch = whole.images.extent(0);
    Arena<TestSpace> const arena(whole.space, model.prepared_bytes() + model.plan(batch, models::Pass::inference));
    auto work = arena.workspace();
    models::CrateState<TestSpace, TypeParam> state;
    model.prepare(whole.space, work, state);
    model.cut(work, batch, models::Pass::inference, state);
    model.forward(whole.space, whole.images, state, work);
    EXPECT_LE(worst_error(to_array(state.logits), to_array(whole.state.logits)), ReferenceBound<TypeParam>::output);
  }
}

SCALAR_TEST(CrateHalves, StoredOnlyWhereTheyAreNotCrates) {
  models::CrateConfig config;
  auto const plain = config.configuration();
  EXPECT_FALSE(plain.has("attention") || plain.has("feed_forward"));
  config.attention = models::AttentionKind::mhsa;
  config.feed_forward = models::FeedForwardKind::mlp;
  auto stored = config.configuration();
  EXPECT_EQ(models::CrateConfig::from(stored).configuration(), stored);
  EXPECT_EQ(models::CrateConfig::from(stored).attention, models::AttentionKind::mhsa);
  EXPECT_EQ(models::CrateConfig::from(plain).feed_forward, models::FeedForwardKind::ista);
  stored.set("attention", "linear");
  EXPECT_ERROR(ValueError, "attention = linear, but it must be mssa or mhsa", models::CrateConfig::from(stored));
}

}  // namespace
}  // namespace krate::testing
