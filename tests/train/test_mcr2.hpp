// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/rate/mcr2.hpp"
#include "train/directory.hpp"

namespace krate::testing {
namespace {

template <class Family>
struct Mcr2TrainingTest : ::testing::Test {
  using Model = Family;
  using T = typename Model::Scalar;
  TestSpace space;
  Toy<TestSpace, T> toy{50};

  static typename Model::Config config(double frobenius = 0) {
    typename Model::Config c;
    if constexpr (std::is_same_v<typename Model::Config, models::MlpConfig>) {
      c = {.image_size = 8, .channels = 1, .hidden = 32, .dim = 16, .classes = 4};
    } else {
      c = Toy<TestSpace, T>::config();
    }
    c.mcr2 = Mcr2Objective{.eps_squared = 0.5, .frobenius = frobenius};
    return c;
  }
  train::TrainSummary train(Model const& model, train::TrainerOptions const& options) {
    train::Trainer trainer(space, comm::Communicator(), model, optim::AdamW{.learning_rate = 5e-3}, options);
    return trainer.run(toy.source);
  }
};
TYPED_TEST_SUITE_P(Mcr2TrainingTest);

TYPED_TEST_P(Mcr2TrainingTest, SeparatesTheClassesOfTheToy) {
  Directory const dir;
  for (double const frobenius : {0.0, 0.01}) {
    SCOPED_TRACE(frobenius);
    TypeParam const model(this->space, this->config(frobenius), Seed{3});
    std::vector<double> losses;
    auto const summary = this->train(model, {.epochs = 20,
                                             .batch = 25,
                                             .run = dir / (frobenius > 0 ? "penalty" : "sphere"),
                                             .progress = [&](train::Progress const& p) {
                                               if (p.part == train::Part::train) losses.push_back(p.loss);
                                               EXPECT_EQ(std::isnan(p.accuracy), p.part == train::Part::train);
                                             }});
    ASSERT_TRUE(summary.test);
    EXPECT_LT(summary.train_loss, losses.front() - 0.2);
    Arena<TestSpace> const arena(this->space, train::Inference<TypeParam>::bytes(model, 50));
    train::Inference<TypeParam> inference(model, 50, arena.workspace());
    EXPECT_GE(inference.evaluate(this->space, {}, this->toy.source, train::Part::train).accuracy(), 0.9);
  }
  auto const rows = lines(dir / "sphere/metrics.csv");
  ASSERT_GT(rows.size(), 3u);
  EXPECT_NE(rows[1].find(",,"), std::string::npos) << "a train row has no accuracy: " << rows[1];
  EXPECT_EQ(rows[3].find(",,"), rows[3].find(",,,")) << "a test row has one: " << rows[3];
}

TYPED_TEST_P(Mcr2TrainingTest, ResumingGivesTheBitsOfTheUninterruptedRun) {
  Directory const dir;
  train::TrainerOptions options{.epochs = 3, .batch = 16, .shift = 1, .run = dir / "whole", .checkpoint_every = 5};
  TypeParam const whole(this->space, this->config(), Seed{3});
  this->train(whole, options);
  fs::create_directories(dir / "part/checkpoints");
  fs::copy_file(dir / "whole/metrics.csv", dir / "part/metrics.csv");
  fs::copy_file(dir / "whole/checkpoints/step-00000005.h5", dir / "part/checkpoints/step-00000005.h5");
  TypeParam const part(this->space, this->config(), Seed{4});
  options.run = dir / "part";
  options.resume = true;
  EXPECT_EQ(this->train(part, options).resumed_from, 5);
  for (std::size_t i = 0; i < whole.parameters().entries().size(); ++i)
    EXPECT_EQ(to_array(part.parameters().value(i)).data, to_array(whole.parameters().value(i)).data);
  auto const a = lines(dir / "whole/metrics.csv"), b = lines(dir / "part/metrics.csv");
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 1; i < a.size(); ++i) {
    auto const loss = [](std::string const& row) { return row.substr(0, row.find(',', row.find("t,") + 2)); };
    EXPECT_EQ(loss(a[i]), loss(b[i]));
  }
}

TYPED_TEST_P(Mcr2TrainingTest, AStepIsLabelledAndAllocatesNothingAndLeavesTheHead) {
  TypeParam const model(this->space, this->config());
  train::TrainStep<TypeParam> step(this->space, {}, model, optim::AdamW{.weight_decay = 0}, {.local_batch = 8});
  std::vector<std::size_t> const samples{3, 1, 4, 15, 9, 2, 6, 5};
  auto const head = model.parameters().entries().size() - 2;
  auto const before = to_array(model.parameters().value(head));
  auto const first = step.run(this->space, this->toy.source, samples, 8, 0, 1e-3);
  EXPECT_FALSE(first.correct);
  Recording const recording;
  step.run(this->space, this->toy.source, samples, 8, 1, 1e-3);
  EXPECT_EQ(recording.unlabelled(), std::vector<std::string>{});
  EXPECT_EQ(recording.count(Event::allocation), 0u);
  EXPECT_EQ(to_array(model.parameters().value(head)).data, before.data);
}

TYPED_TEST_P(Mcr2TrainingTest, AnEvaluationIsTheObjectiveOfAllSamplesWhateverTheBatch) {
  using T = typename TypeParam::Scalar;
  TypeParam const model(this->space, this->config(0.01), Seed{1});
  std::vector<train::Evaluation> found;
  for (std::size_t const batch : {50, 7}) {
    Arena<TestSpace> const arena(this->space, train::Inference<TypeParam>::bytes(model, batch));
    train::Inference<TypeParam> inference(model, batch, arena.workspace());
    found.push_back(inference.evaluate(this->space, {}, this->toy.source, train::Part::train));
    if (batch < 50) continue;
    std::vector<std::size_t> all(50);
    std::iota(all.begin(), all.end(), std::size_t(0));
    inference.run(this->space, this->toy.source, train::Part::train, all, [&](auto const& b) {
      Arena<TestSpace> const scratch(this->space, mcr2_workspace<TestSpace>(50, 16, 4));
      Kokkos::View<double, DeviceOf<TestSpace>> const loss("krate::test");
      Kokkos::View<T**, Kokkos::LayoutRight, DeviceOf<TestSpace>> const gradient("krate::test", 50, 16);
      mcr2_loss(this->space, {}, b.features, b.labels, *model.config().mcr2, 4, scratch.workspace(), loss, gradient);
      EXPECT_NEAR(found[0].loss, to_array(loss)(0), 1e-10);
    });
  }
  EXPECT_NEAR(found[0].loss, found[1].loss, (std::is_same_v<T, float> ? 1e-5 : 1e-12));
  EXPECT_EQ(found[0].correct, found[1].correct);
  EXPECT_EQ(found[0].samples, 50);
}

REGISTER_TYPED_TEST_SUITE_P(Mcr2TrainingTest, SeparatesTheClassesOfTheToy, ResumingGivesTheBitsOfTheUninterruptedRun,
                            AStepIsLabelledAndAllocatesNothingAndLeavesTheHead,
                            AnEvaluationIsTheObjectiveOfAllSamplesWhateverTheBatch);
using Mcr2Models =
    ::testing::Types<models::Crate<TestSpace, double>, models::Crate<TestSpace, float>, models::Mlp<TestSpace, double>>;
#define KRATE_INSTANTIATE_MCR2_NAMED(prefix) INSTANTIATE_TYPED_TEST_SUITE_P(prefix, Mcr2TrainingTest, Mcr2Models)
#define KRATE_INSTANTIATE_MCR2(prefix) KRATE_INSTANTIATE_MCR2_NAMED(prefix)
KRATE_INSTANTIATE_MCR2(KRATE_TEST_SPACE_NAME);

}  // namespace
}  // namespace krate::testing
