// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a model plans is what its passes use, within 2 %.
#pragma once

#include "krate/linalg/elementwise.hpp"
#include "krate/models/causal_crate.hpp"
#include "krate/models/crate.hpp"
#include "krate/models/crate_alpha.hpp"
#include "krate/models/crate_bert.hpp"
#include "krate/models/crate_mae.hpp"
#include "krate/models/gpt2.hpp"
#include "krate/models/tost.hpp"
#include "krate/models/tost_causal.hpp"
#include "krate/models/vit.hpp"
#include "support/op_test.hpp"

namespace krate::testing {
namespace {

/// Runs `use(workspace)` on `plan` bytes that begin as a pattern; its end must not be there any more.
template <class Use>
void expect_used(TestSpace const& space, std::size_t plan, Use const& use) {
  constexpr unsigned char untouched = 0xab;
  Arena<TestSpace> const arena(space, plan);
  auto const bytes = arena.workspace().template take<unsigned char>(plan);
  Kokkos::deep_copy(bytes, untouched);
  use(arena.workspace());
  space.fence("krate::test: step");
  auto const after = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), bytes);
  std::size_t peak = plan;
  while (peak > 0 && after(peak - 1) == untouched) --peak;
  EXPECT_GE(static_cast<double>(peak), 0.98 * static_cast<double>(plan)) << "of " << plan << " bytes";
}

constexpr models::Pass passes[] = {models::Pass::inference, models::Pass::training, models::Pass::recompute};

template <class Model>
void expect_texts_used(typename Model::Config config) {
  using T = typename Model::Scalar;
  TestSpace const space;
  std::size_t const batch = 24, tokens = 40;
  config.vocabulary = 20;
  config.context = tokens;
  config.dim = 32;
  config.depth = 3;
  config.heads = 2;
  SCOPED_TRACE(Model::name);
  Model const model(space, config);
  auto const ids = to_view<TestSpace, Label, 2>(Array({batch, tokens}));
  auto const dlogits = to_view<TestSpace, T, 2>(filled(2, {batch * tokens, config.vocabulary}));
  for (auto const pass : passes) {
    expect_used(space, model.plan(batch, tokens, pass), [&](Workspace<TestSpace> work) {
      typename Model::State state;
      model.cut(work, batch, tokens, pass, state);
      model.forward(space, ids, state, work);
      if (pass != models::Pass::inference) model.backward(space, dlogits, state, work);
    });
  }
}

template <class Model>
void expect_images_used(typename Model::Config config) {
  using T = typename Model::Scalar;
  TestSpace const space;
  std::size_t const batch = 120;
  config.image_size = 16;
  config.patch_size = 4;
  config.dim = 32;
  config.depth = 3;
  config.heads = 2;
  Model const model(space, config);
  auto const images = to_view<TestSpace, T, 4>(filled(1, {batch, 1, 16, 16}));
  auto const dlogits = to_view<TestSpace, T, 2>(filled(2, {batch, config.classes}));
  for (auto const pass : passes) {
    SCOPED_TRACE(Model::name);
    expect_used(space, model.plan(batch, pass), [&](Workspace<TestSpace> work) {
      typename Model::State state;
      model.cut(work, batch, pass, state);
      model.forward(space, images, state, work);
      if (pass != models::Pass::inference) model.backward(space, dlogits, state, work);
    });
  }
}

template <class Scalar>
struct PlannedMemory : ::testing::Test {};
SCALAR_TESTS(PlannedMemory, Scalars);

SCALAR_TEST(PlannedMemory, OfTexts) {
  expect_texts_used<models::Gpt2<TestSpace, TypeParam>>({});
  expect_texts_used<models::CausalCrate<TestSpace, TypeParam>>({});
  expect_texts_used<models::TostCausal<TestSpace, TypeParam>>({});
  expect_texts_used<models::CrateBert<TestSpace, TypeParam>>({});
}

SCALAR_TEST(PlannedMemory, OfImages) {
  expect_images_used<models::Vit<TestSpace, TypeParam>>({});
  expect_images_used<models::Crate<TestSpace, TypeParam>>({});
  expect_images_used<models::Crate<TestSpace, TypeParam>>({.embedding_norms = false});
  expect_images_used<models::CrateAlpha<TestSpace, TypeParam>>({});
  expect_images_used<models::Tost<TestSpace, TypeParam>>({});
}

SCALAR_TEST(PlannedMemory, OfMaskedImages) {
  using T = TypeParam;
  using Model = models::CrateMae<TestSpace, T>;
  TestSpace const space;
  std::size_t const batch = 120;
  models::CrateMaeConfig config{.image_size = 16, .dim = 32, .depth = 3, .heads = 2};
  config.decoder_depth = 3;
  config.decoder_heads = 2;
  Model const model(space, config);
  auto const images = to_view<TestSpace, T, 4>(filled(1, {batch, 1, 16, 16}));
  Kokkos::View<bool**, Kokkos::LayoutRight, TestSpace> const removed("removed", batch, config.patches());
  auto const dprediction = to_view<TestSpace, T, 3>(filled(2, {batch, config.tokens(), config.patch_dim()}));
  for (auto const pass : passes) {
    expect_used(space, model.plan(batch, pass), [&](Workspace<TestSpace> work) {
      typename Model::State state;
      model.cut(work, batch, pass, state);
      model.forward(space, images, removed, state, work);
      if (pass != models::Pass::inference) model.backward(space, dprediction, state, work);
    });
  }
}

}  // namespace
}  // namespace krate::testing
