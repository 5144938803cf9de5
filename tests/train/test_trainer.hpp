// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <set>

#include "krate/io/checkpoint.hpp"
#include "krate/linalg/elementwise.hpp"
#include "train/directory.hpp"

namespace krate::testing {
namespace {

template <class Scalar>
struct TrainerTest : ::testing::Test {
  using Model = models::Crate<TestSpace, Scalar>;
  TestSpace space;
  Toy<TestSpace, Scalar> toy{50};
  optim::Rule rule = optim::AdamW{.learning_rate = 5e-3};

  train::TrainSummary train(Model const& model, train::TrainerOptions const& options) {
    train::Trainer trainer(space, comm::Communicator(), model, rule, options);
    return trainer.run(toy.source);
  }
  static std::vector<double> values(Model const& model) {
    std::vector<double> all;
    for (std::size_t i = 0; i < model.parameters().entries().size(); ++i) {
      auto const v = to_array(model.parameters().value(i)).data;
      all.insert(all.end(), v.begin(), v.end());
    }
    return all;
  }
};
SCALAR_TESTS(TrainerTest, Scalars);

SCALAR_TEST(TrainerTest, LearnsTheToyAndWritesARowAStep) {
  Directory const dir;
  typename TestFixture::Model const model(this->space, this->toy.config(), Seed{3});
  auto const summary =
      this->train(model, {.epochs = 24, .batch = 8, .run = dir / "run", .checkpoint_every = 20, .keep = 2});
  ASSERT_TRUE(summary.test);
  EXPECT_EQ(summary.steps, 24 * 7);
  EXPECT_GE(summary.test->accuracy(), 0.75);  // 13 noisy samples; chance is 0.25
  EXPECT_LT(summary.train_loss, 0.6);         // label smoothing alone leaves 0.37
  auto const rows = lines(dir / "run/metrics.csv");
  ASSERT_FALSE(rows.empty());
  EXPECT_EQ(rows[0], "step,epoch,split,loss,accuracy,learning_rate,gradient_norm,samples_per_second,seconds");
  std::size_t train_rows = 0, test_rows = 0;
  for (auto const& row : rows) {
    train_rows += row.find(",train,") != row.npos;
    test_rows += row.find(",test,") != row.npos;
  }
  EXPECT_EQ(train_rows, 168u);
  EXPECT_EQ(test_rows, 24u);
  EXPECT_TRUE(fs::exists(dir / "run/model.h5"));
  auto const kept = io::list_checkpoints(dir / "run/checkpoints");
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_NE(kept[0].find("step-00000168.h5"), std::string::npos);
  EXPECT_NE(kept[1].find("step-00000160.h5"), std::string::npos);
}

SCALAR_TEST(TrainerTest, ResumingGivesTheBitsOfTheUninterruptedRun) {
  Directory const dir;
  train::TrainerOptions options{
      .epochs = 3, .batch = 8, .shift = 1, .run = dir / "whole", .checkpoint_every = 5, .keep = 100};
  typename TestFixture::Model const whole(this->space, this->toy.config(), Seed{3});
  this->train(whole, options);
  for (auto const* const name : {"step-00000005.h5", "step-00000010.h5"}) {
    SCOPED_TRACE(name);
    fs::remove_all(dir / "part");
    fs::create_directories(dir / "part/checkpoints");
    fs::copy_file(dir / "whole/metrics.csv", dir / "part/metrics.csv");
    fs::copy_file(dir / "whole/checkpoints/" + std::string(name), dir / "part/checkpoints/" + std::string(name));
    { std::ofstream(dir / "part/checkpoints/step-00000099.h5") << "cut short"; }
    typename TestFixture::Model const part(this->space, this->toy.config(), Seed{4});
    auto again = options;
    again.run = dir / "part";
    again.resume = true;
    auto const summary = this->train(part, again);
    EXPECT_EQ(summary.resumed_from, std::stoll(std::string(name).substr(5, 8)));
    EXPECT_EQ(this->values(part), this->values(whole));
    auto const a = lines(dir / "whole/metrics.csv"), b = lines(dir / "part/metrics.csv");
    ASSERT_EQ(a.size(), b.size());
    auto const without_times = [](std::string row) {
      for (int i = 0; i < 2; ++i) row.erase(row.rfind(','));
      return row;
    };
    for (std::size_t i = 1; i < a.size(); ++i) EXPECT_EQ(without_times(a[i]), without_times(b[i]));
  }
}

SCALAR_TEST(TrainerTest, TheSameSeedGivesTheSameBitsAndAnotherDoesNot) {
  auto const train = [&](std::uint64_t seed) {
    typename TestFixture::Model const model(this->space, this->toy.config(), Seed{seed});
    this->train(model, {.steps = 5, .batch = 16, .seed = Seed{seed}, .shift = 2});
    return this->values(model);
  };
  auto const once = train(1);
  EXPECT_EQ(once, train(1));
  EXPECT_NE(once, train(2));
}

SCALAR_TEST(TrainerTest, WhatIsDrawnForASampleDoesNotHangOnTheBatch) {
  // A model that stands still has the same mean loss over an epoch, however the epoch is cut into batches.
  auto const losses = [&](std::size_t batch) {
    typename TestFixture::Model const model(this->space, this->toy.config());
    std::vector<double> means(2);
    train::TrainerOptions options{.epochs = 2, .batch = batch, .shift = 2};
    options.progress = [&](train::Progress const& row) {
      if (row.part == train::Part::train)
        means[static_cast<std::size_t>(row.epoch)] += row.loss * static_cast<double>(batch) / 50;
    };
    train::Trainer trainer(this->space, {}, model, optim::AdamW{.learning_rate = 1e-30, .weight_decay = 0}, options);
    trainer.run(this->toy.source);
    return means;
  };
  auto const whole = losses(50), parts = losses(10);
  for (std::size_t epoch = 0; epoch < 2; ++epoch) EXPECT_NEAR(whole[epoch], parts[epoch], 1e-5);
  EXPECT_GT(std::abs(whole[0] - whole[1]), 1e-4) << "an epoch draws anew";
}

SCALAR_TEST(TrainerTest, AStopIsACheckpointFirst) {
  Directory const dir;
  int asked = 0;
  typename TestFixture::Model const model(this->space, this->toy.config());
  auto const summary =
      this->train(model, {.epochs = 5, .batch = 8, .run = dir / "run", .stop = [&] { return ++asked == 4; }});
  EXPECT_FALSE(summary.finished);
  EXPECT_TRUE(fs::exists(dir / "run/checkpoints/step-00000004.h5"));
  EXPECT_FALSE(fs::exists(dir / "run/model.h5"));
}

SCALAR_TEST(TrainerTest, DivergenceAndWrongOptionsAreExplained) {
  using M = typename TestFixture::Model;
  M const model(this->space, this->toy.config());
  EXPECT_ERROR(ValueError, "batch = 0, but it must be positive", this->train(model, {.batch = 0}));
  EXPECT_ERROR(ValueError, "epochs = 0, but it must be positive", this->train(model, {.epochs = 0}));
  EXPECT_ERROR(ValueError, "clip = -1", this->train(model, {.clip = -1}));
  auto other = this->toy.config();
  other.image_size = 12;
  EXPECT_ERROR(ShapeError, "the samples are images [1, 8, 8], but the model takes [1, 12, 12]",
               this->train(M(this->space, other), {}));
  other = this->toy.config();
  other.classes = 3;
  EXPECT_ERROR(ValueError, "classes = 4, but it of the dataset must not exceed",
               this->train(M(this->space, other), {}));
  fill(this->space, model.parameters().value(0), std::numeric_limits<TypeParam>::quiet_NaN());
  EXPECT_ERROR(NumericalError, "training diverged", this->train(model, {.epochs = 1}));
}

SCALAR_TEST(TrainerTest, AStepIsLabelledAndAllocatesNothing) {
  typename TestFixture::Model const model(this->space, this->toy.config());
  train::TrainStep<typename TestFixture::Model> step(this->space, {}, model, this->rule,
                                                     {.local_batch = 8, .shift = 1});
  std::vector<std::size_t> const samples{3, 1, 4, 15, 9, 2, 6, 5};
  step.run(this->space, this->toy.source, samples, 8, 0, 1e-3);
  Recording const recording;
  step.run(this->space, this->toy.source, samples, 8, 1, 1e-3);
  EXPECT_EQ(recording.unlabelled(), std::vector<std::string>{});
  EXPECT_EQ(recording.count(Event::allocation), 0u);
  EXPECT_EQ(recording.count(Event::copy), 0u);
  EXPECT_TRUE(recording.saw("krate::train::step"));
  auto const mine = Kokkos::Tools::Experimental::device_id(this->space);
  for (auto const& e : recording.events()) {
    if (e.kind == Event::kernel || e.kind == Event::fence) {
      EXPECT_EQ(e.device, mine) << e.label;
    }
  }
}

SCALAR_TEST(TrainerTest, ShufflesArePermutationsThatDependOnSeedAndEpoch) {
  std::vector<std::size_t> a(101), b(101), c(101);
  train::shuffle(Seed{1}, 0, a);
  train::shuffle(Seed{1}, 0, b);
  train::shuffle(Seed{1}, 1, c);
  EXPECT_EQ(a, b);
  EXPECT_NE(a, c);
  EXPECT_EQ(std::set<std::size_t>(a.begin(), a.end()).size(), 101u);
  EXPECT_EQ(*std::max_element(a.begin(), a.end()), 100u);
}

}  // namespace
}  // namespace krate::testing
