// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/crate.hpp"
#include "krate/models/crate_alpha.hpp"
#include "krate/models/crate_mae.hpp"
#include "krate/models/transfer.hpp"
#include "krate/nn/linear.hpp"
#include "support/op_test.hpp"

namespace krate::testing {
namespace {

template <class Scalar>
struct TransferTest : ::testing::Test {
  TestSpace space;
  static models::CrateConfig config() {
    return {.image_size = {8, 12}, .patch_size = {2, 4}, .channels = 3, .dim = 8, .depth = 2, .heads = 2, .classes = 3};
  }
  template <class Model>
  static Array value(Model const& model, std::string const& name) {
    return to_array(model.parameters().value(model.parameters().index(name)));
  }
};
SCALAR_TESTS(TransferTest, Scalars);

SCALAR_TEST(TransferTest, TheEncodersConvolutionIsTheMapOfThePatches) {
  using T = TypeParam;
  models::CrateMaeConfig encoder;
  encoder.image_size = {8, 12};
  encoder.patch_size = {2, 4};
  encoder.channels = 3;
  encoder.dim = 8;
  encoder.depth = encoder.decoder_depth = 2;
  encoder.heads = encoder.decoder_heads = 2;
  models::CrateMae<TestSpace, T> const from(this->space, encoder, Seed{1});
  models::Crate<TestSpace, T> const to(this->space, this->config(), Seed{2});
  auto const before = this->value(to, "head/linear/weight");
  auto const result = models::transfer(this->space, from, to);
  EXPECT_EQ(this->value(to, "head/linear/weight").data, before.data);
  EXPECT_EQ(this->value(to, "position_embedding").data, this->value(from, "positions").data);
  EXPECT_EQ(this->value(to, "blocks/01/mssa/output/bias").data, this->value(from, "blocks/01/mssa/output/bias").data);
  EXPECT_TRUE(result.resampled.empty());
  EXPECT_EQ(result.fresh.size(), 6u);
  EXPECT_EQ(result.taken.size() + result.fresh.size(), to.parameters().entries().size());

  // Both embed an image alike.
  auto const images = to_view<TestSpace, T, 4>(filled(3, {2, 3, 8, 12}));
  auto const embedded = [&](auto const& model, std::string const& name, PatchOrder order) {
    auto const& list = model.parameters();
    Kokkos::View<T**, Kokkos::LayoutRight, TestSpace> const patches("patches", 24, 24), tokens("tokens", 24, 8);
    patchify(this->space, images, {2, 4, order}, patches);
    linear(this->space, patches, list.value_matrix(list.index("patch_embedding/" + name + "/weight")),
           list.value(list.index("patch_embedding/" + name + "/bias")), tokens);
    return to_array(tokens);
  };
  EXPECT_LE(worst_error(embedded(to, "linear", PatchOrder::channel_last),
                        embedded(from, "convolution", PatchOrder::channel_first)),
            tolerance<T>(24));
}

SCALAR_TEST(TransferTest, AClassifierComputesTheEncodersFeatures) {
  using T = TypeParam;
  models::CrateMaeConfig encoder{.image_size = {8, 12}, .patch_size = {2, 4}, .channels = 3, .dim = 8, .depth = 2};
  encoder.heads = encoder.decoder_heads = encoder.decoder_depth = 2;
  using Encoder = models::CrateMae<TestSpace, T>;
  using Classifier = models::Crate<TestSpace, T>;
  Encoder const from(this->space, encoder, Seed{1});
  auto config = encoder.encoder();
  config.classes = 3;
  Classifier const to(this->space, config, Seed{2});
  auto const result = models::transfer(this->space, from, to);
  EXPECT_EQ(result.fresh, (std::vector<std::string>{"head/linear/weight", "head/linear/bias"}));

  std::size_t const batch = 3;
  auto const images = to_view<TestSpace, T, 4>(filled(3, {batch, 3, 8, 12}));
  Kokkos::View<bool**, Kokkos::LayoutRight, TestSpace> const nothing("removed", batch, encoder.patches());
  auto const pass = models::Pass::training;
  Arena<TestSpace> const ours(this->space, to.plan(batch, pass)), theirs(this->space, from.plan(batch, pass));
  auto work = ours.workspace(), encoder_work = theirs.workspace();
  typename Classifier::State state;
  typename Encoder::State encoded;
  to.cut(work, batch, pass, state);
  from.cut(encoder_work, batch, pass, encoded);
  to.forward(this->space, images, state, work);
  from.forward(this->space, images, nothing, encoded, encoder_work);
  Array const features = to_array(state.head_input), tokens = to_array(encoded.decoder.tokens.front());
  double worst = 0;
  for (std::size_t b = 0; b < batch; ++b)
    for (std::size_t k = 0; k < encoder.dim; ++k) worst = std::max(worst, std::abs(features(b, k) - tokens(b, 0, k)));
  EXPECT_LE(worst, 16 * tolerance<T>(24));
}

SCALAR_TEST(TransferTest, OtherGridsResampleAndOtherPatchesStartAnew) {
  using T = TypeParam;
  models::CrateAlphaConfig config;
  config.image_size = {8, 12};
  config.patch_size = 4;
  config.dim = 8;
  config.depth = 1;
  config.heads = 2;
  config.classes = 3;
  models::CrateAlpha<TestSpace, T> const from(this->space, config, Seed{1});
  auto finer = config;
  finer.patch_size = 2;
  models::CrateAlpha<TestSpace, T> const to(this->space, finer, Seed{2});
  auto const result = models::transfer(this->space, from, to);
  EXPECT_EQ(result.fresh,
            (std::vector<std::string>{"patch_embedding/convolution/weight", "head/linear/weight", "head/linear/bias"}));
  EXPECT_EQ(result.resampled, std::vector<std::string>{"position_embedding"});
  auto const old = this->value(from, "position_embedding");
  Array patches({48});
  std::copy(old.data.begin() + 8, old.data.end(), patches.data.begin());
  auto const expected = models::resampled_positions(patches.data, {2, 3}, {4, 6}, 8, models::Resample::linear);
  auto const found = this->value(to, "position_embedding");
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(found.data[i], old.data[i]);
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_EQ(static_cast<T>(found.data[8 + i]), static_cast<T>(expected[i]));
}

TEST(Resampling, LinearPutsCornersOnCorners) {
  // Values that are linear in row and column stay so.
  auto const value = [](double row, double column) { return 3 * row - 2 * column + 1; };
  std::vector<double> grid;
  for (int r = 0; r < 3; ++r)
    for (int c = 0; c < 4; ++c) grid.push_back(value(r / 2.0, c / 3.0));
  for (models::Extent2 const to : {models::Extent2{5, 2}, {1, 1}, {2, 7}, {3, 4}}) {
    auto const found = models::resampled_positions(grid, {3, 4}, to, 1, models::Resample::linear);
    for (std::size_t r = 0; r < to.height; ++r)
      for (std::size_t c = 0; c < to.width; ++c) {
        double const row = to.height > 1 ? r / (to.height - 1.0) : 0, column = to.width > 1 ? c / (to.width - 1.0) : 0;
        EXPECT_NEAR(found[r * to.width + c], value(row, column), 1e-12);
      }
  }
}

SCALAR_TEST(TransferTest, FamiliesThatDoNotMatchAreRefused) {
  using T = TypeParam;
  models::Crate<TestSpace, T> const crate(this->space, this->config());
  models::CrateAlphaConfig config;
  static_cast<models::CrateConfig&>(config) = this->config();
  models::CrateAlpha<TestSpace, T> const alpha(this->space, config);
  EXPECT_ERROR(ValueError,
               "krate::models::transfer: from = crate, but it is no model that a crate_alpha can start from",
               models::transfer(this->space, crate, alpha));
}

}  // namespace
}  // namespace krate::testing
