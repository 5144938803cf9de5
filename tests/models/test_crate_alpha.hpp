// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cmath>

#include "krate/analysis/layer_rates.hpp"
#include "krate/models/crate_alpha.hpp"
#include "models/reference_curves.hpp"

namespace krate::testing {
namespace {

char const* const alpha_file = "crate_alpha.h5";
using AlphaVariant = models::CrateAlphaConfig::Variant;
constexpr AlphaVariant alpha_variants[] = {AlphaVariant::overcomplete, AlphaVariant::decoupled, AlphaVariant::residual};

template <class T>
using AlphaRun = ReferenceRun<TestSpace, T, models::CrateAlpha>;

template <class Scalar>
struct CrateAlphaReference : ::testing::Test {};
SCALAR_TESTS(CrateAlphaReference, Scalars);

SCALAR_TEST(CrateAlphaReference, OutputsAndEveryIntermediateAgree) {
  using T = TypeParam;
  AlphaRun<T> run(alpha_file);
  auto const compare = [&](auto const& view, std::string const& path) {
    EXPECT_LE(worst_error(to_array(view), read_array(run.file, path)), ReferenceBound<T>::output) << path;
  };
  std::size_t seen = 0;
  double const loss = run.forward([&](models::BlockView<TestSpace, T> const& block) {
    std::string const at = "/intermediate/block_" + std::to_string(block.index);
    if (block.index == 0) compare(block.input, "/intermediate/embedding");
    compare(block.residual, at + "/residual");
    compare(block.code, at + "/code");
    compare(block.tokens, at + "/tokens");
    Array const expected = read_array(run.file, "/measures/density");
    std::size_t const batch = block.code.extent(0);
    Guarded<TestSpace, double, 1> density(batch);
    analysis::density(run.space, block.code, density.view());
    for (std::size_t b = 0; b < batch; ++b) EXPECT_NEAR(density.array()(b), expected(block.index, b), 1e-12);
    ++seen;
  });
  EXPECT_EQ(seen, run.model.config().depth);
  double const expected = read_array(run.file, "/output/loss").data[0];
  EXPECT_LE(std::abs(loss - expected), ReferenceBound<T>::loss * std::abs(expected));
  compare(run.state.logits, "/output/logits");
  compare(run.state.head_input, "/intermediate/head_input");
  compare(run.state.pooled, "/intermediate/pooled");
}

SCALAR_TEST(CrateAlphaReference, TheJaxHeadsEpsilonGivesItsLogits) {
  using T = TypeParam;
  AlphaRun<T> run(alpha_file);
  auto config = run.model.config();
  config.head_norm_eps = models::CrateAlphaConfig().head_norm_eps;
  models::CrateAlpha<TestSpace, T> const model(run.space, config);
  load_official(run.file, "/params", model);
  std::size_t const batch = run.images.extent(0);
  Arena<TestSpace> const arena(run.space, model.plan(batch, models::Pass::inference));
  auto work = arena.workspace();
  models::CrateAlphaState<TestSpace, T> state;
  model.cut(work, batch, models::Pass::inference, state);
  model.forward(run.space, run.images, state, work);
  EXPECT_LE(worst_error(to_array(state.logits), read_array(run.file, "/output/logits_head_eps_1e-6")),
            ReferenceBound<T>::output);
}

SCALAR_TEST(CrateAlphaReference, EveryGradientAgrees) {
  using T = TypeParam;
  AlphaRun<T> run(alpha_file);
  run.forward();
  auto const& im = run.images;
  Guarded<TestSpace, T, 4> dimages(im.extent(0), im.extent(1), im.extent(2), im.extent(3));
  std::vector<ParameterRange> ready;
  run.backward(dimages.view(), [&](ParameterRange r) { ready.push_back(r); });
  EXPECT_TRUE(dimages.intact());
  EXPECT_LE(worst_error(dimages.array(), read_array(run.file, "/grads/input")), ReferenceBound<T>::gradient);
  expect_reference_gradients(run, ready);
}

SCALAR_TEST(CrateAlphaReference, TenStepsOfAdamWAndLionFollowTheCurves) {
  if constexpr (!std::is_same_v<TypeParam, double>) return;
  for (std::string const optimizer : {"adamw", "lion"}) {
    AlphaRun<TypeParam> run(alpha_file);
    expect_reference_curve(run, optimizer);
  }
}

/// A small model of a variant on made-up images: logits weighted by `upstream`, and all gradients.
template <class T>
struct AlphaModel {
  TestSpace space;
  std::size_t batch = 3;
  models::CrateAlpha<TestSpace, T> model;
  Array upstream;
  models::Pass pass;

  static models::CrateAlphaConfig config(AlphaVariant variant, Products products) {
    models::CrateAlphaConfig c;
    c.image_size = 8;
    c.patch_size = 4;
    c.dim = 12;
    c.depth = 2;
    c.heads = 3;
    c.classes = 5;
    c.expansion = 3;
    c.variant = variant;
    c.products = products;
    return c;
  }
  AlphaModel(AlphaVariant variant, models::Pass p, Products products = Products::full)
      : model(space, config(variant, products), Seed{5}), upstream(filled(2, {batch, 5})), pass(p) {}

  double loss(bool backward) {
    auto const images = to_view<TestSpace, T, 4>(filled(1, {batch, 1, 8, 8}));
    Arena<TestSpace> const arena(space, model.plan(batch, pass));
    auto work = arena.workspace();
    models::CrateAlphaState<TestSpace, T> state;
    model.cut(work, batch, pass, state);
    for (auto const& s : model.parameters().segments()) fill(space, s.gradient, T(0));
    model.forward(space, images, state, work);
    if (backward) model.backward(space, to_view<TestSpace, T, 2>(upstream), state, work);
    return dot(to_array(state.logits), upstream);
  }
  Array gradients() {
    loss(true);
    Array all;
    for (std::size_t i = 0; i < model.parameters().entries().size(); ++i) {
      Array const one = to_array(model.parameters().gradient(i));
      all.data.insert(all.data.end(), one.data.begin(), one.data.end());
    }
    all.shape = {all.data.size()};
    return all;
  }
};

SCALAR_TEST(CrateAlphaReference, FivePointGradientsOfEachVariant) {
  if constexpr (std::is_same_v<TypeParam, double>) {
    for (auto const variant : alpha_variants) {
      SCOPED_TRACE(models::name(variant));
      AlphaModel<double> m(variant, models::Pass::training);
      auto const& list = m.model.parameters();
      EXPECT_EQ(list.entries().size(), variant == AlphaVariant::overcomplete ? 22u : 24u);
      m.loss(true);
      std::vector<Array> gradients;
      for (std::size_t i = 0; i < list.entries().size(); ++i) gradients.push_back(to_array(list.gradient(i)));
      for (std::size_t i = 0; i < list.entries().size(); ++i) {
        Array const value = to_array(list.value(i));
        auto const loss = [&](Array const& moved) {
          krate::testing::assign(list.value(i), moved);
          return m.loss(false);
        };
        EXPECT_LE(gradient_error(loss, value, gradients[i], 1e-5), 1e-5) << list.entries()[i].name;
        loss(value);
      }
    }
  }
}

SCALAR_TEST(CrateAlphaReference, RecomputingChangesNoBit) {
  for (auto const variant : alpha_variants) {
    AlphaModel<TypeParam> whole(variant, models::Pass::training), less(variant, models::Pass::recompute);
    EXPECT_EQ(whole.gradients().data, less.gradients().data) << models::name(variant);
  }
}

SCALAR_TEST(CrateAlphaReference, ProductsInBfloat16StayNear) {
  auto const full = AlphaModel<TypeParam>(AlphaVariant::residual, models::Pass::training).gradients();
  auto const low =
      AlphaModel<TypeParam>(AlphaVariant::residual, models::Pass::training, Products::bfloat16).gradients();
  Array difference = low;
  for (std::size_t i = 0; i < full.size(); ++i) difference.data[i] -= full.data[i];
  EXPECT_LT(dot(difference, difference), 0.04 * dot(full, full));
}

SCALAR_TEST(CrateAlphaReference, AStepTouchesWhatThePlanSays) {
  using T = TypeParam;
  TestSpace const space;
  std::size_t const batch = 160;
  auto config = AlphaModel<T>::config(AlphaVariant::residual, Products::full);
  config.image_size = 16;
  config.dim = 32;
  config.heads = 2;
  for (auto const pass : {models::Pass::inference, models::Pass::training, models::Pass::recompute}) {
    models::CrateAlpha<TestSpace, T> const model(space, config);
    auto const images = to_view<TestSpace, T, 4>(filled(1, {batch, 1, 16, 16}));
    auto const dlogits = to_view<TestSpace, T, 2>(filled(2, {batch, config.classes}));
    std::size_t const plan = model.plan(batch, pass);
    Arena<TestSpace> const arena(space, plan);
    auto work = arena.workspace();
    auto const bytes = arena.workspace().template take<unsigned char>(plan);
    constexpr unsigned char untouched = 0xab;
    krate::testing::set_all(bytes, untouched);
    models::CrateAlphaState<TestSpace, T> state;
    model.cut(work, batch, pass, state);
    model.forward(space, images, state, work);
    if (pass != models::Pass::inference) model.backward(space, dlogits, state, work);
    space.fence("krate::test: step");
    auto const after = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), bytes);
    std::size_t peak = plan;
    while (peak > 0 && after(peak - 1) == untouched) --peak;
    EXPECT_GE(static_cast<double>(peak), 0.98 * static_cast<double>(plan)) << "of " << plan << " bytes";
  }
}

SCALAR_TEST(CrateAlphaReference, ParameterCountsAreTheOfficialOnes) {
  // tests/data/parameter_counts.json, models.crate_alpha.*.total
  struct {
    char const* size;
    std::size_t count;
  } const official[] = {{"Ti/16", 4811944}, {"S/16", 40975912},  {"B/32", 73985512},  {"B/16", 72328936},
                        {"B/8", 72338152},  {"L/32", 255982568}, {"L/16", 253773800}, {"L/14", 253650920},
                        {"L/8", 253786088}, {"H/14", 526819560}};
  for (auto const& o : official) {
    auto const table = models::CrateAlpha<TestSpace, TypeParam>::parameter_table(models::crate_alpha_config(o.size));
    std::size_t count = 0;
    for (auto const& spec : table.specs()) count += Array::count(spec.shape);
    EXPECT_EQ(count, o.count) << o.size;
  }
}

SCALAR_TEST(CrateAlphaReference, ConfigurationsThatCannotWorkAreExplained) {
  EXPECT_ERROR(ValueError, "there is no size named B/9; use Ti, S, B, L or H and a patch that divides 224",
               models::crate_alpha_config("B/9"));
  EXPECT_ERROR(ValueError, "there is no size named base", models::crate_alpha_config("base"));
  auto const config = models::crate_alpha_config("Ti/16");
  auto stored = config.configuration();
  EXPECT_EQ(models::CrateAlphaConfig::from(stored).configuration(), stored);
  stored.set("variant", "tied");
  EXPECT_ERROR(ValueError, "variant = tied, but it must be overcomplete, decoupled or residual",
               models::CrateAlphaConfig::from(stored));
  stored.set("variant", "decoupled");
  EXPECT_EQ(models::CrateAlphaConfig::from(stored).variant, AlphaVariant::decoupled);
  stored.set("ista_steps", 3);
  EXPECT_ERROR(ValueError, "ista_steps = 3, but it must be 2", models::CrateAlphaConfig::from(stored));
  auto pooled = config;
  pooled.pool = Pool::mean;
  EXPECT_ERROR(ValueError, "pool = mean, but it must be cls", pooled.validate());
}

}  // namespace
}  // namespace krate::testing
