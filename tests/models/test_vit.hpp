// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/vit.hpp"
#include "models/image_reference.hpp"

namespace krate::testing {
namespace {

char const* const vit_file = "vit_tiny.h5";

template <class Scalar>
struct VitReference : ::testing::Test {
  using Model = models::Vit<TestSpace, Scalar>;
  using Run = ReferenceRun<TestSpace, Scalar, models::Vit>;
};
SCALAR_TESTS(VitReference, Scalars);

SCALAR_TEST(VitReference, OutputsAndEveryGradientAgree) {
  typename TestFixture::Run run(vit_file);
  expect_image_reference(run);
}

SCALAR_TEST(VitReference, TenStepsOfAdamWFollowTheCurve) {
  if (!std::is_same_v<TypeParam, double>) return;  // parameters after ten steps are not comparable in float
  typename TestFixture::Run run(vit_file);
  expect_reference_curve(run, "adamw");
}

SCALAR_TEST(VitReference, RecomputingChangesNoBit) {
  typename TestFixture::Run whole(vit_file), less(vit_file, models::Pass::recompute);
  expect_same_gradients(whole, less);
}

SCALAR_TEST(VitReference, InferenceGivesTheSameLogitsFromLessMemory) {
  typename TestFixture::Run training(vit_file), inference(vit_file, models::Pass::inference);
  training.forward();
  inference.forward();
  EXPECT_EQ(to_array(training.state.logits).data, to_array(inference.state.logits).data);
  EXPECT_LT(inference.model.plan(3, models::Pass::inference), training.model.plan(3, models::Pass::training));
}

SCALAR_TEST(VitReference, StartsAsInTimm) {
  typename TestFixture::Model const model(TestSpace{}, {.image_size = 16, .patch_size = 4, .dim = 64, .depth = 2},
                                          Seed{3});
  auto const& list = model.parameters();
  auto const deviation = [&](char const* name) {
    Array const a = to_array(list.value(list.index(name)));
    return std::sqrt(dot(a, a) / static_cast<double>(a.size()));
  };
  EXPECT_NEAR(deviation("position_embedding"), 0.02, 0.002);
  EXPECT_NEAR(deviation("class_token"), 1e-6, 3e-7);
  EXPECT_NEAR(deviation("patch_embedding/convolution/weight"), 1 / std::sqrt(3 * 16.0), 0.01);
  EXPECT_NEAR(deviation("blocks/00/mhsa/projection/weight"), 0.02, 0.002);
  EXPECT_EQ(deviation("blocks/00/mhsa/projection/bias"), 0);
  EXPECT_NEAR(deviation("blocks/01/mhsa/output/weight"), 0.02, 0.002);
  EXPECT_NEAR(deviation("blocks/01/mlp/second/weight"), 0.02, 0.002);
  EXPECT_EQ(deviation("blocks/01/norm_mlp/weight"), 1);
  auto const table = TestFixture::Model::parameter_table(model.config());
  for (auto const& spec : table.specs())
    EXPECT_EQ(spec.decay, spec.shape.size() > 1 && spec.name != "position_embedding") << spec.name;
}

SCALAR_TEST(VitReference, ParameterCountsAreTheUsualOnes) {
  struct {
    char const* size;
    std::size_t count;
  } const usual[] = {{"tiny", 5717416}, {"small", 22050664}, {"base", 86567656}, {"large", 304326632}};
  for (auto const& u : usual) {
    auto const table = TestFixture::Model::parameter_table(models::vit_config(u.size));
    std::size_t count = 0;
    for (auto const& spec : table.specs()) count += Array::count(spec.shape);
    EXPECT_EQ(count, u.count) << u.size;
  }
}

SCALAR_TEST(VitReference, ConfigurationsThatCannotWorkAreExplained) {
  using M = typename TestFixture::Model;
  TestSpace space;
  EXPECT_ERROR(ValueError, "heads = 5, but it must divide dim = 64", M(space, {.dim = 64, .heads = 5}));
  EXPECT_ERROR(ValueError, "patch_size.height = 3, but it must divide the image's height 8",
               M(space, {.patch_size = 3}));
  EXPECT_ERROR(ValueError, "there is no size named huge; use tiny, small, base or large", models::vit_config("huge"));
  auto const stored = models::VitConfig{}.configuration();
  EXPECT_EQ(models::VitConfig::from(stored).configuration(), stored);
  typename TestFixture::Run run(vit_file);
  EXPECT_ERROR(ShapeError, "krate::models::Vit::forward: images has shape [2, 3, 12, 8], expected [3, 3, 12, 8]",
               run.model.forward(space, to_view<TestSpace, TypeParam, 4>(Array({2, 3, 12, 8})), run.state, run.work));
}

}  // namespace
}  // namespace krate::testing
