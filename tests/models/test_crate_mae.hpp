// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cmath>

#include "krate/models/crate_mae.hpp"
#include "krate/nn/token_mask.hpp"
#include "models/reference_curves.hpp"
#include "support/reference_file.hpp"

namespace krate::testing {
namespace {

char const* const mae_files[] = {"crate_mae.h5", "crate_mae_normpix.h5"};

/// One reference model with its images and noise, ready to run.
template <class T>
struct MaeRun {
  using ExecutionSpace = TestSpace;
  using Scalar = T;
  using Model = models::CrateMae<TestSpace, T>;
  io::File file;
  TestSpace space;
  Model model;
  Kokkos::View<T****, Kokkos::LayoutRight, DeviceOf<TestSpace>> images;
  std::size_t batch;
  Arena<TestSpace> arena;
  typename Model::State state;
  Workspace<TestSpace> work;
  Matrix<bool, TestSpace> removed;
  Tensor3<T, TestSpace> dprediction;
  Matrix<T, TestSpace> dtarget;
  Value<double, TestSpace> loss;

  explicit MaeRun(std::string const& name, models::Pass pass = models::Pass::training)
      : file(io::File::open(krate::testing::reference_file(name))),
        model(space, models::CrateMaeConfig::from(file.attributes("/"))),
        images(to_view<TestSpace, T, 4>(read_array(file, "/input/images"))),
        batch(images.extent(0)) {
    load_official(file, "/params", model);
    auto const& c = model.config();
    auto const take = [&](auto& w) {
      removed = w.template take<bool>(batch, c.patches());
      dprediction = w.template take<T>(batch, c.tokens(), c.patch_dim());
      dtarget = w.template take<T>(batch * c.patches(), c.patch_dim());
      loss = w.template take<double>();
    };
    arena = Arena<TestSpace>(
        space, model.plan(batch, pass) + measure<TestSpace>(take) + masked_pixel_loss_workspace(batch * c.patches()));
    work = arena.workspace();
    take(work);
    model.cut(work, batch, pass, state);
    mask(c.kept());
  }
  void mask(std::size_t keep) {
    mask_of_noise(space, to_view<TestSpace, double, 2>(read_array(file, "/input/noise")), keep, removed);
    space.fence("krate::test: the noise is read");
  }
  PixelLossOptions objective() const { return model.objective(batch * (removed.extent(1) - model.config().kept())); }
  double forward(models::Tap<TestSpace, T> tap = {}) {
    model.forward(space, images, removed, state, work, tap);
    masked_pixel_loss(space, state.prediction, state.target, removed, objective(), work, loss);
    return to_array(loss).data[0];
  }
  void backward(Tensor4<T, TestSpace> dimages = {}, models::Ready ready = {}) {
    for (auto const& s : model.parameters().segments()) fill(space, s.gradient, T(0));
    masked_pixel_loss_backward(space, state.prediction, state.target, removed, objective(), dprediction, dtarget);
    model.backward(space, dprediction, state, work, ready, dimages);
    space.fence("krate::test: backward");
  }
};

/// Without what comes from the class token.
template <class V>
Array of_patches(V const& tokens) {
  Array const all = to_array(tokens);
  Array some({all.extent(0), all.extent(1) - 1, all.extent(2)});
  for (std::size_t b = 0; b < some.extent(0); ++b)
    for (std::size_t i = 0; i < some.extent(1); ++i)
      for (std::size_t j = 0; j < some.extent(2); ++j) some(b, i, j) = all(b, i + 1, j);
  return some;
}

template <class Scalar>
struct CrateMaeReference : ::testing::Test {};
SCALAR_TESTS(CrateMaeReference, Scalars);

SCALAR_TEST(CrateMaeReference, OutputsAndEveryIntermediateAgree) {
  using T = TypeParam;
  for (auto const* name : mae_files) {
    SCOPED_TRACE(name);
    MaeRun<T> run(name);
    auto const compare = [&](auto const& view, std::string const& path) {
      EXPECT_LE(worst_error(to_array(view), read_array(run.file, path)), ReferenceBound<T>::output) << path;
    };
    Array const mask = read_array(run.file, "/input/mask");
    auto const removed = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), run.removed);
    for (std::size_t i = 0; i < mask.size(); ++i) EXPECT_EQ(removed.data()[i], mask.data[i] == 1);
    double const loss = run.forward([&](models::BlockView<TestSpace, T> const& block) {
      std::string const at = "/intermediate/block_" + std::to_string(block.index);
      if (block.index == 0) compare(block.input, "/intermediate/embedding");
      compare(block.residual, at + "/residual");
      compare(block.tokens, at + "/tokens");
    });
    double const expected = read_array(run.file, "/output/loss").data[0];
    EXPECT_LE(std::abs(loss - expected), ReferenceBound<T>::loss * std::abs(expected));
    compare(run.state.decoder.tokens.front(), "/intermediate/encoded");
    for (std::size_t i = 0; i < run.model.config().decoder_depth; ++i) {
      std::string const at = "/intermediate/decoder_block_" + std::to_string(i);
      compare(run.state.decoder.saved[i].linear, at + "/linear");
      compare(run.state.decoder.tokens[i + 1], at + "/tokens");
    }
    EXPECT_LE(worst_error(of_patches(run.state.prediction), read_array(run.file, "/output/prediction")),
              ReferenceBound<T>::output);
  }
}

SCALAR_TEST(CrateMaeReference, WithoutAMaskItPredictsAllPatches) {
  using T = TypeParam;
  MaeRun<T> run("crate_mae.h5");
  run.mask(run.model.config().patches());
  run.forward();
  EXPECT_LE(worst_error(of_patches(run.state.prediction), read_array(run.file, "/output/prediction_unmasked")),
            ReferenceBound<T>::output);
  EXPECT_LE(worst_error(to_array(run.state.decoder.tokens.front()), read_array(run.file, "/output/encoded_unmasked")),
            ReferenceBound<T>::output);
}

SCALAR_TEST(CrateMaeReference, EveryGradientAgrees) {
  using T = TypeParam;
  for (auto const* name : mae_files) {
    SCOPED_TRACE(name);
    MaeRun<T> run(name);
    run.forward();
    auto const& im = run.images;
    Guarded<TestSpace, T, 4> dimages(im.extent(0), im.extent(1), im.extent(2), im.extent(3)),
        through_target(im.extent(0), im.extent(1), im.extent(2), im.extent(3));
    std::vector<ParameterRange> ready;
    run.backward(dimages.view(), [&](ParameterRange r) { ready.push_back(r); });
    EXPECT_TRUE(dimages.intact());
    EXPECT_LE(worst_error(dimages.array(), read_array(run.file, "/grads/input_fixed_target")),
              ReferenceBound<T>::gradient);
    auto const& patch = run.model.config().patch_size;
    patchify_backward(run.space, run.dtarget, {patch.height, patch.width}, through_target.view());
    Array both = dimages.array();
    Array const target = through_target.array();
    for (std::size_t i = 0; i < both.size(); ++i) both.data[i] += target.data[i];
    EXPECT_LE(worst_error(both, read_array(run.file, "/grads/input")), ReferenceBound<T>::gradient);
    expect_reference_gradients(run, ready);
  }
}

SCALAR_TEST(CrateMaeReference, TenStepsOfAdamWAndLionFollowTheCurves) {
  if constexpr (!std::is_same_v<TypeParam, double>) return;
  for (auto const* name : mae_files) {
    for (std::string const optimizer : {"adamw", "lion"}) {
      SCOPED_TRACE(name + (" " + optimizer));
      MaeRun<TypeParam> run(name);
      expect_reference_curve(run, optimizer);
    }
  }
}

SCALAR_TEST(CrateMaeReference, RecomputingChangesNoBit) {
  using T = TypeParam;
  MaeRun<T> whole("crate_mae.h5"), less("crate_mae.h5", models::Pass::recompute);
  EXPECT_EQ(whole.forward(), less.forward());
  whole.backward();
  less.backward();
  auto const &expected = whole.model.parameters(), &found = less.model.parameters();
  for (std::size_t i = 0; i < expected.entries().size(); ++i)
    EXPECT_EQ(to_array(expected.gradient(i)).data, to_array(found.gradient(i)).data) << expected.entries()[i].name;
}

SCALAR_TEST(CrateMaeReference, AStepTouchesWhatThePlanSays) {
  using T = TypeParam;
  TestSpace const space;
  std::size_t const batch = 160;
  models::CrateMaeConfig const config{
      .image_size = 16, .dim = 32, .depth = 2, .heads = 2, .decoder_depth = 2, .decoder_heads = 2};
  for (auto const pass : {models::Pass::inference, models::Pass::training, models::Pass::recompute}) {
    models::CrateMae<TestSpace, T> const model(space, config);
    auto const images = to_view<TestSpace, T, 4>(filled(1, {batch, 1, 16, 16}));
    auto const dprediction = to_view<TestSpace, T, 3>(filled(2, {batch, config.tokens(), config.patch_dim()}));
    auto const removed = to_view<TestSpace, bool, 2>(Array({batch, config.patches()}));
    std::size_t const plan = model.plan(batch, pass);
    Arena<TestSpace> const arena(space, plan);
    auto work = arena.workspace();
    auto const bytes = arena.workspace().template take<unsigned char>(plan);
    constexpr unsigned char untouched = 0xab;
    krate::testing::set_all(bytes, untouched);
    models::CrateMaeState<TestSpace, T> state;
    model.cut(work, batch, pass, state);
    model.forward(space, images, removed, state, work);
    if (pass != models::Pass::inference) model.backward(space, dprediction, state, work);
    space.fence("krate::test: step");
    auto const after = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), bytes);
    std::size_t peak = plan;
    while (peak > 0 && after(peak - 1) == untouched) --peak;
    EXPECT_GE(static_cast<double>(peak), 0.98 * static_cast<double>(plan)) << "of " << plan << " bytes";
  }
}

SCALAR_TEST(CrateMaeReference, FixedPositionsAreThoseOfTheAuthors) {
  using T = TypeParam;
  MaeRun<T> run("crate_mae.h5");
  models::CrateMae<TestSpace, T> const fresh(run.space, run.model.config());
  for (auto const* name : {"positions", "encoder_positions"}) {
    auto const i = fresh.parameters().index(name);
    EXPECT_LE(worst_error(to_array(fresh.parameters().value(i)), read_array(run.file, "/params/decoder_pos_embed")),
              4 * std::numeric_limits<T>::epsilon());
    EXPECT_FALSE(fresh.parameters().entries()[i].decay);
  }
}

SCALAR_TEST(CrateMaeReference, ParameterCountsAreTheOfficialOnes) {
  // tests/data/parameter_counts.json, models.crate_mae.*.total
  struct {
    char const* size;
    std::size_t count;
  } const official[] = {{"tiny", 11555328}, {"small", 25405824}, {"base", 44638464}, {"large", 154274560}};
  for (auto const& o : official) {
    auto const table = models::CrateMae<TestSpace, TypeParam>::parameter_table(models::crate_mae_config(o.size));
    std::size_t count = 0;
    for (auto const& spec : table.specs()) count += Array::count(spec.shape);
    EXPECT_EQ(count, o.count) << o.size;
  }
}

SCALAR_TEST(CrateMaeReference, ConfigurationsThatCannotWorkAreExplained) {
  auto config = models::crate_mae_config("tiny");
  EXPECT_EQ(config.kept(), 49u);
  auto stored = config.configuration();
  EXPECT_EQ(models::CrateMaeConfig::from(stored).configuration(), stored);
  config.mask_ratio = 0;
  EXPECT_ERROR(ValueError, "mask_ratio = 0, but it must be in (0, 1] and remove a patch at least", config.validate());
  config = models::crate_mae_config("tiny");
  config.decoder_heads = 5;
  EXPECT_ERROR(ValueError, "decoder_heads = 5, but it must divide dim = 384", config.validate());
  stored.set("dim", 6);
  stored.set("heads", 2);
  EXPECT_ERROR(ValueError, "dim = 6, but it must be a multiple of 4", models::CrateMaeConfig::from(stored));
}

}  // namespace
}  // namespace krate::testing
