// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Texts as a source of samples, and steps of a language model on them.
#pragma once

#include "krate/train/text_source.hpp"
#include "krate/train/trainer.hpp"
#include "support/gradient_check.hpp"
#include "support/op_test.hpp"
#include "train/counting_text.hpp"

namespace krate::testing {
namespace {

struct Filled {
  Array ids, labels;
  std::size_t counted;
};
template <class Source>
Filled filled_from(Source& source, std::vector<std::size_t> const& samples, Random const* random,
                   train::Part part = train::Part::train) {
  Guarded<TestSpace, Label, 2> ids(samples.size(), source.tokens());
  Guarded<TestSpace, Label, 1> labels(samples.size() * source.tokens());
  std::size_t const counted = source.fill(TestSpace(), part, samples, random, ids.view(), labels.view());
  EXPECT_TRUE(ids.intact() && labels.intact());
  return {ids.array(), labels.array(), counted};
}

template <class Scalar>
struct TextTraining : ::testing::Test {
  using Model = models::CausalCrate<TestSpace, Scalar>;
  TestSpace space;
  models::CausalCrateConfig const config{.vocabulary = 17, .context = 8, .dim = 16, .depth = 2, .heads = 2};
};
SCALAR_TESTS(TextTraining, Scalars);

SCALAR_TEST(TextTraining, SourcesGiveRowsAndWindows) {
  train::TextSource<TestSpace> rows(counting_text(9, 5, 2)), windows(counting_text(9, 5, 2), {.windows = true});
  EXPECT_EQ(rows.tokens(), 5u);
  EXPECT_EQ(rows.classes(), 17u);
  EXPECT_EQ(rows.size(train::Part::train), 7u);
  EXPECT_EQ(rows.size(train::Part::test), 2u);
  auto const two = filled_from(rows, {3, 1}, nullptr);
  EXPECT_EQ(two.ids(0, 0), 3 * 15 % 17);
  EXPECT_EQ(two.labels(4), 3 * 20 % 17);
  EXPECT_EQ(two.ids(1, 2), 3 * 7 % 17);
  EXPECT_EQ(two.counted, 10u);
  EXPECT_EQ(filled_from(rows, {0}, nullptr, train::Part::test).ids(0, 0), 3 * 35 % 17);
  // Evaluation and rows see the same each time; windows begin within the sample and stay a text of their part.
  EXPECT_EQ(filled_from(windows, {3, 1}, nullptr).ids.data, two.ids.data);
  std::vector<std::size_t> const all{0, 1, 2, 3, 4, 5, 6};
  bool moved = false;
  for (std::uint32_t step = 0; step < 8; ++step) {
    Random const random(Seed{4}, 1, step);
    auto const found = filled_from(windows, all, &random);
    for (std::size_t i = 0; i < all.size(); ++i) {
      auto const begin = [&] {
        for (std::size_t offset = 0; offset < 5; ++offset)
          if (found.ids(i, 0) == static_cast<double>(3 * (5 * i + offset) % 17)) return 5 * i + offset;
        return std::size_t(1000);
      }();
      ASSERT_LE(begin, 30u) << "beyond the last sample of the part";
      moved = moved || begin != 5 * i;
      for (std::size_t t = 0; t < 5; ++t) {
        EXPECT_EQ(found.ids(i, t), static_cast<double>(3 * (begin + t) % 17));
        EXPECT_EQ(found.labels(5 * i + t), static_cast<double>(3 * (begin + t + 1) % 17));
      }
    }
    EXPECT_EQ(filled_from(windows, {6, 2}, &random).ids(1, 0), found.ids(2, 0)) << "a sample's window is its own";
  }
  EXPECT_TRUE(moved);
}

SCALAR_TEST(TextTraining, SourcesMaskTokens) {
  train::TextSource<TestSpace> plain(counting_text(400, 10)),
      source(counting_text(400, 10), {.masked = 0.15, .mask_id = 17});
  std::vector<std::size_t> all(400);
  std::iota(all.begin(), all.end(), std::size_t(0));
  Array const ids = filled_from(plain, all, nullptr).ids;
  auto const found = filled_from(source, all, nullptr);
  double masked = 0, changed = 0, kept = 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (found.labels(i) < 0) {
      EXPECT_EQ(found.ids.data[i], ids.data[i]);
      continue;
    }
    EXPECT_EQ(found.labels(i), ids.data[i]);
    (found.ids.data[i] == 17 ? masked : found.ids.data[i] == ids.data[i] ? kept : changed) += 1;
  }
  EXPECT_EQ(static_cast<double>(found.counted), masked + changed + kept);
  EXPECT_NEAR(masked, 0.8 * 600, 60);
  EXPECT_NEAR(changed, 0.1 * 600, 30);
  EXPECT_NEAR(kept, 0.1 * 600, 30);
  EXPECT_EQ(filled_from(source, all, nullptr).ids.data, found.ids.data);
  Random const random(Seed{4}, 1, 7);
  EXPECT_NE(filled_from(source, all, &random).ids.data, found.ids.data);
}

SCALAR_TEST(TextTraining, SourcesSayWhatIsWrong) {
  auto shuffled = counting_text(4, 5);
  auto about = shuffled.description();
  about.split = {0, 1, 0, 0};  // the train part has a gap
  io::SampleTable const gap(about, std::vector<std::int32_t>(20), std::vector<Label>(20));
  EXPECT_ERROR(ValueError, "samples follow each other", train::TextSource<TestSpace>(gap, {.windows = true}));
  about.kind = io::SampleKind::features;
  EXPECT_ERROR(ValueError, "must hold tokens [n, T]",
               train::TextSource<TestSpace>(io::SampleTable(about, std::vector<std::int32_t>(20), {})));
}

SCALAR_TEST(TextTraining, LearnsToCount) {
  train::TextSource<TestSpace> source(counting_text(40, 8, 6), {.windows = true});
  typename TestFixture::Model const model(this->space, this->config, Seed{3});
  train::Trainer trainer(this->space, {}, model, optim::AdamW{.learning_rate = 1e-2, .weight_decay = 0},
                         {.steps = 120, .batch = 16});
  auto const summary = trainer.run(source);
  ASSERT_TRUE(summary.test);
  EXPECT_EQ(summary.test->samples, 6);
  EXPECT_EQ(summary.test->counted, 48);
  EXPECT_GT(summary.test->accuracy(), 0.95);
  EXPECT_LT(summary.test->loss, 0.5);  // log 17 = 2.8
}

SCALAR_TEST(TextTraining, LabelsThatAreLeftOutCountNothing) {
  auto table = counting_text(4, 8);
  auto about = table.description();
  std::vector<std::int32_t> tokens(32);
  std::vector<Label> labels(32, io::ignored_label);
  for (std::size_t i = 0; i < 32; ++i) tokens[i] = static_cast<std::int32_t>(i % 17);
  labels[5] = 3;
  labels[30] = 7;
  train::TextSource<TestSpace> source(io::SampleTable(about, tokens, labels));
  typename TestFixture::Model const model(this->space, this->config, Seed{3});
  train::TrainStep<typename TestFixture::Model> step(this->space, {}, model, optim::AdamW{}, {.local_batch = 4});
  auto const before = step.evaluate(this->space, source, train::Part::train);
  EXPECT_EQ(before.counted, 2);
  std::vector<std::size_t> const all{0, 1, 2, 3};
  auto const result = step.run(this->space, source, all, 4, 0, 1e-3);
  EXPECT_EQ(result.counted, 2);
  EXPECT_NEAR(result.loss, before.loss, 1e-5);
}

SCALAR_TEST(TextTraining, SamplesThatDoNotFitAreRefused) {
  typename TestFixture::Model const model(this->space, this->config);
  auto const run = [&](io::SampleTable table) {
    train::TextSource<TestSpace> source(std::move(table));
    train::Trainer(this->space, {}, model, optim::AdamW{}, {.steps = 1, .batch = 2}).run(source);
  };
  EXPECT_ERROR(ValueError, "tokens = 9, but it of a sample must not exceed the model's context of 8",
               run(counting_text(3, 9)));
  EXPECT_ERROR(ValueError, "of the dataset must not exceed the model's vocabulary of 17",
               run(counting_text(3, 8, 0, 18)));
}

SCALAR_TEST(TextTraining, FivePointGradientsOfTheRegularisedObjective) {
  if constexpr (std::is_same_v<TypeParam, double>) {
    using Model = typename TestFixture::Model;
    train::TextSource<TestSpace> source(counting_text(4, 8));
    Model const model(this->space, this->config, Seed{3});
    // Gradients are what the first moment becomes, at rate 0.
    auto const stepper = [&](double weight) {
      return train::TrainStep<Model>(this->space, {}, model, optim::AdamW{.beta1 = 0},
                                     {.local_batch = 3, .clip = 0, .srr_weight = weight});
    };
    auto step = stepper(0.3);
    std::vector<std::size_t> const samples{2, 0, 3};
    auto const loss = [&](train::TrainStep<Model>& s) { return s.run(this->space, source, samples, 3, 0, 0.0).loss; };
    auto plain = stepper(0);
    EXPECT_GT(std::abs(loss(step) - loss(plain)), 0.03);
    auto const& list = model.parameters();
    for (std::string const name : {"token_embedding", "position_embedding", "blocks/00/mssa/projection",
                                   "blocks/01/mssa/projection", "blocks/01/ista/dictionary"}) {
      auto const& p = list.entries()[list.index(name)];
      auto const value = list.value(list.index(name));
      loss(step);
      Array const before = to_array(value),
                  gradient = to_array(Vector<double, TestSpace>(step.optimizer().view(0).data() + p.offset, p.size));
      auto const moved_loss = [&](Array const& moved) {
        Kokkos::deep_copy(value, to_view<TestSpace, double, 1>(moved));
        return loss(step);
      };
      EXPECT_LE(gradient_error(moved_loss, before, gradient, 1e-6), 1e-5) << name;
      Kokkos::deep_copy(value, to_view<TestSpace, double, 1>(before));
    }
  }
}

SCALAR_TEST(TextTraining, WhatIsMadeReadyBeforeIsWhatIsAskedFor) {
  train::TextOptions const options{.windows = true, .masked = 0.3, .mask_id = 16};
  train::TextSource<TestSpace> plain(counting_text(30, 8), options), ahead(counting_text(30, 8), options);
  Random const one(Seed{4}, 1, 1), other(Seed{4}, 1, 2);
  std::vector<std::size_t> const first{3, 1, 4}, second{1, 5, 9, 2};
  auto const expect_same = [&](std::vector<std::size_t> const& samples, Random const* random) {
    auto const found = filled_from(ahead, samples, random), wanted = filled_from(plain, samples, random);
    EXPECT_EQ(found.ids.data, wanted.ids.data);
    EXPECT_EQ(found.labels.data, wanted.labels.data);
    EXPECT_EQ(found.counted, wanted.counted);
  };
  ahead.prefetch(train::Part::train, first, &one);
  expect_same(first, &one);
  ahead.prefetch(train::Part::train, first, &one);
  expect_same(first, &other);
  expect_same(first, nullptr);
  expect_same(second, &one);
  for (int i = 0; i < 100; ++i) ahead.prefetch(train::Part::train, i % 2 ? first : second, &other);
  expect_same(first, &other);
  ahead.prefetch(train::Part::train, second, &one);
  ahead.select({29, 28, 27, 26, 25, 24, 23, 22, 21, 20});
  plain.select({29, 28, 27, 26, 25, 24, 23, 22, 21, 20});
  expect_same(second, &one);
}

}  // namespace
}  // namespace krate::testing
