// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sparse rate reduction as a regulariser of training steps.
#pragma once

#include "krate/linalg/elementwise.hpp"
#include "krate/models/crate_alpha.hpp"
#include "krate/train/train_step.hpp"
#include "support/recorder.hpp"
#include "train/directory.hpp"

namespace krate::testing {
namespace {

template <class Scalar>
struct RegulariserTest : ::testing::Test {
  TestSpace space;
  Toy<TestSpace, Scalar> toy{20};
  std::vector<std::size_t> const samples{3, 1, 4, 15, 9};

  /// Steps at rate 0, which leave the parameters; the gradients are what the optimizer's first moment becomes.
  template <class Model>
  train::TrainStep<Model> stepper(Model const& model, double weight) {
    return {space, {}, model, optim::AdamW{.beta1 = 0}, {.local_batch = 5, .clip = 0, .srr_weight = weight}};
  }
  /// The objective of a batch.
  template <class Model>
  double loss(train::TrainStep<Model>& step) {
    return step.run(space, toy.source, samples, 5, 0, 0.0).loss;
  }
  template <class Model>
  double loss(Model const& model, double weight) {
    auto step = stepper(model, weight);
    return loss(step);
  }

  /// At numbers of ordinary size: CRATE-alpha begins with some so small that differences drown.
  /// @param h  so small that no ReLU meets its kink
  template <class Model>
  void expect_five_point_gradients(Model const& model, double weight, double h) {
    for (std::size_t i = 0; i < model.parameters().entries().size(); ++i) {
      auto const value = model.parameters().value(i);
      add(space, to_view<TestSpace, Scalar, 1>(filled(50 + i, {value.size()}, 0.2)), value);
    }
    auto step = stepper(model, weight);
    loss(step);
    auto const& list = model.parameters();
    auto const moments = step.optimizer().view(0);
    std::vector<Array> gradients;
    for (auto const& p : list.entries())
      gradients.push_back(to_array(Vector<Scalar, TestSpace>(moments.data() + p.offset, p.size)));
    for (std::size_t i = 0; i < list.entries().size(); ++i) {
      Array const value = to_array(list.value(i));
      auto const moved_loss = [&](Array const& moved) {
        Kokkos::deep_copy(list.value(i), to_view<TestSpace, Scalar, 1>(moved));
        return loss(step);
      };
      EXPECT_LE(gradient_error(moved_loss, value, gradients[i], h), 1e-5)
          << Model::name << " " << list.entries()[i].name;
      Kokkos::deep_copy(list.value(i), to_view<TestSpace, Scalar, 1>(value));
    }
  }
};
SCALAR_TESTS(RegulariserTest, Scalars);

SCALAR_TEST(RegulariserTest, TheLossIsLowerByTheMeanReduction) {
  using Model = models::Crate<TestSpace, TypeParam>;
  Model const model(this->space, this->toy.config(), Seed{3});
  double const plain = this->loss(model, 0), one = this->loss(model, 1), two = this->loss(model, 2);
  EXPECT_LT(std::abs(plain), 10);
  EXPECT_GT(std::abs(one - plain), 0.1);
  EXPECT_NEAR(two - plain, 2 * (one - plain), 1e-9 * std::abs(one));
}

SCALAR_TEST(RegulariserTest, FivePointGradientsOfTheWholeObjective) {
  if constexpr (std::is_same_v<TypeParam, double>) {
    this->expect_five_point_gradients(models::Crate<TestSpace, double>(this->space, this->toy.config(), Seed{3}), 0.3,
                                      1e-6);
    auto plain = this->toy.config();  // an encoder as CRATE-MAE has it
    plain.embedding_norms = false;
    plain.final_norm_eps = 1e-6;
    this->expect_five_point_gradients(models::Crate<TestSpace, double>(this->space, plain, Seed{3}), 0.3, 1e-6);
    models::CrateAlphaConfig config;
    static_cast<models::CrateConfig&>(config) = this->toy.config();
    this->expect_five_point_gradients(models::CrateAlpha<TestSpace, double>(this->space, config, Seed{3}), 0.3, 1e-7);
  }
}

SCALAR_TEST(RegulariserTest, AStepAllocatesNothingAndIsLabelled) {
  using Model = models::Crate<TestSpace, TypeParam>;
  Model const model(this->space, this->toy.config());
  train::TrainStep<Model> step(this->space, {}, model, optim::AdamW{},
                               {.local_batch = 5, .layer_decay = 0.75, .srr_weight = 1e-3});
  step.run(this->space, this->toy.source, this->samples, 5, 0, 1e-3);
  Recording const recording;
  step.run(this->space, this->toy.source, this->samples, 5, 1, 1e-3);
  EXPECT_EQ(recording.unlabelled(), std::vector<std::string>{});
  EXPECT_EQ(recording.count(Event::allocation), 0u);
  EXPECT_EQ(recording.count(Event::copy), 0u);
  EXPECT_TRUE(recording.saw("krate::unit_tokens_backward"));
}

SCALAR_TEST(RegulariserTest, RecomputingAndEmptyRanksChangeNothing) {
  using Model = models::Crate<TestSpace, TypeParam>;
  auto const run = [&](bool recompute) {
    Model const model(this->space, this->toy.config(), Seed{3});
    train::TrainStep<Model> step(this->space, {}, model, optim::AdamW{},
                                 {.local_batch = 5, .recompute = recompute, .srr_weight = 1e-2});
    for (int i = 0; i < 3; ++i) step.run(this->space, this->toy.source, this->samples, 5, i, 1e-3);
    return to_array(model.parameters().value(model.parameters().index("blocks/00/mssa/projection"))).data;
  };
  EXPECT_EQ(run(false), run(true));
  Model const model(this->space, this->toy.config(), Seed{3});
  train::TrainStep<Model> step(this->space, {}, model, optim::AdamW{}, {.local_batch = 5, .srr_weight = 1});
  std::span<std::size_t const> const none;
  EXPECT_EQ(step.run(this->space, this->toy.source, none, 5, 0, 1e-3).loss, 0);  // a rank without samples
  EXPECT_ERROR(ValueError, "srr_weight = -1",
               (train::TrainStep<Model>(this->space, {}, model, optim::AdamW{}, {.srr_weight = -1})));
  EXPECT_ERROR(ValueError, "decay = 0",
               (train::TrainStep<Model>(this->space, {}, model, optim::AdamW{}, {.layer_decay = 0})));
}

}  // namespace
}  // namespace krate::testing
