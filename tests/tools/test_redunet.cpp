// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The model redunet in krate train, eval and predict.
#include <algorithm>
#include <sstream>

#include "command.hpp"
#include "krate/io/dataset.hpp"

namespace krate::testing {
namespace {

struct RedunetCommand : ::testing::Test {
  Scratch scratch;
  std::string const data = scratch / "digits.h5", run = scratch / "run", model = run + "/model.h5";
  void SetUp() override { ASSERT_EQ(krate({"data", "digits", "-o", data}).exit_code, 0); }

  std::vector<std::string> train(std::vector<std::string> const& more = {}) const {
    std::vector<std::string> words{"train", "--model", "redunet", "--data", data, "--layers", "5", "-o", run};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
};

TEST_F(RedunetCommand, ARunHasARowALayerAndAModelThatOtherCommandsTake) {
  auto const summary = json_of(krate(train({"--json"})));
  for (auto const* key : {"model", "parameters", "ranks", "threads", "steps", "train_loss", "train_accuracy",
                          "test_loss", "test_accuracy", "seconds", "peak_bytes", "resumed_from"})
    EXPECT_TRUE(summary.contains(key)) << key;
  EXPECT_EQ(summary["steps"], 5);
  EXPECT_GT(summary["train_accuracy"].get<double>(), 0.99);
  EXPECT_GT(summary["test_accuracy"].get<double>(), 0.95);
  std::istringstream csv(content_of(run + "/metrics.csv"));
  std::string line;
  std::getline(csv, line);
  EXPECT_EQ(line, "step,epoch,split,loss,accuracy,learning_rate,gradient_norm,samples_per_second,seconds");
  double objective = 1e300;
  for (int layer = 1; layer <= 5; ++layer)
    for (std::string const split : {"train", "test"}) {
      ASSERT_TRUE(std::getline(csv, line));
      std::string const start = std::to_string(layer) + ",," + split + ",";
      ASSERT_EQ(line.substr(0, start.size()), start);
      if (split == "test") continue;
      double const now = std::stod(line.substr(start.size()));
      EXPECT_LT(now, objective);  // the rate reduction grows
      objective = now;
    }
  EXPECT_FALSE(std::getline(csv, line));
  EXPECT_EQ(summary["train_loss"].get<double>(), objective);
  for (auto const* value : {"eta = 0.5", "eps_squared = 0.1", "lambda_s = 500.0", "layers = 5"})
    EXPECT_NE(content_of(run + "/config.toml").find(value), std::string::npos) << value;
  EXPECT_EQ(content_of(run + "/config.toml").find("optimizer"), std::string::npos);

  auto const found = json_of(krate({"eval", model, "--data", data, "--json"}));
  EXPECT_EQ(found["samples"], 360);
  EXPECT_EQ(found["accuracy"], summary["test_accuracy"]);
  EXPECT_NEAR(found["loss"].get<double>(), summary["test_loss"].get<double>(), 1e-4);

  ASSERT_EQ(krate({"predict", model, "--data", data, "-o", scratch / "out.h5", "--batch", "100"}).exit_code, 0);
  auto const out = io::File::open(scratch / "out.h5");
  EXPECT_EQ(out.info("/logits").shape, (std::vector<std::size_t>{1797, 10}));
  EXPECT_EQ(out.info("/features").shape, (std::vector<std::size_t>{1797, 64}));
  auto const logits = out.read_all<double>("/logits"), features = out.read_all<double>("/features");
  auto const digits = io::Dataset::open(data).load();
  double right = 0;
  for (auto const row : digits.description().indices(io::Subset::test)) {
    auto const* const of = logits.data() + row * 10;
    right += std::max_element(of, of + 10) - of == digits.label(row);
    double square = 0;
    for (std::size_t j = 0; j < 64; ++j) square += features[row * 64 + j] * features[row * 64 + j];
    EXPECT_NEAR(square, 1, 1e-5);
  }
  EXPECT_NEAR(right / 360, summary["test_accuracy"].get<double>(), 1e-12);

  EXPECT_EQ(krate({"resume", run}).exit_code, 0);  // finished
  expect_failure(krate(train()), "exists and is not empty");
}

TEST_F(RedunetCommand, TwoRanksBuildTheSameModel) {
#ifdef KRATE_MPIEXEC
  auto const one = json_of(krate(train({"--json", "--precision", "fp64"})));
  auto const two = krate_ranks(2, {"train", "--model", "redunet", "--data", data, "--layers", "5", "--precision",
                                   "fp64", "-o", scratch / "two"});
  ASSERT_EQ(two.exit_code, 0) << two.err;
  auto const summary = nlohmann::json::parse(content_of(scratch / "two/summary.json"));
  EXPECT_EQ(summary["ranks"], 2);
  EXPECT_EQ(summary["test_accuracy"], one["test_accuracy"]);
  EXPECT_NEAR(summary["train_loss"].get<double>(), one["train_loss"].get<double>(), 1e-9);
  auto const a = io::File::open(model), b = io::File::open(scratch / "two/model.h5");
  auto const x = a.read_all<double>("/model/layers/0004/compression"),
             y = b.read_all<double>("/model/layers/0004/compression");
  ASSERT_EQ(x.size(), y.size());
  for (std::size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(x[i], y[i], 1e-9);
  ASSERT_EQ(krate_ranks(2, {"predict", model, "--data", data, "-o", scratch / "both.h5"}).exit_code, 0);
  ASSERT_EQ(krate({"predict", model, "--data", data, "-o", scratch / "alone.h5"}).exit_code, 0);
  auto const both = io::File::open(scratch / "both.h5").read_all<double>("/features"),
             alone = io::File::open(scratch / "alone.h5").read_all<double>("/features");
  for (std::size_t i = 0; i < both.size(); ++i) ASSERT_NEAR(both[i], alone[i], 1e-12);
#endif
}

TEST_F(RedunetCommand, FeaturesWithoutASplitAreAllForTraining) {
  std::vector<float> features;
  std::vector<Label> labels;
  for (int i = 0; i < 20; ++i) {
    labels.push_back(i % 2);
    for (int j = 0; j < 3; ++j) features.push_back(static_cast<float>(j == i % 2 ? 1 : 0.05 * ((i * 7 + j * 3) % 5)));
  }
  std::string const file = scratch / "features.h5";
  io::write_dataset(file, {}, {.sample_shape = {3}, .samples = std::span<float const>(features), .labels = labels});
  auto const summary = json_of(krate({"train", "--model", "redunet", "--data", file, "-o", run, "--json"}));
  EXPECT_EQ(summary["train_accuracy"], 1);
  EXPECT_TRUE(summary["test_accuracy"].is_null());
  EXPECT_EQ(json_of(krate({"eval", model, "--data", file, "--json"}))["samples"], 20);
  expect_failure(krate({"eval", model, "--data", data}), "samples have 64 numbers, but the model takes 3");
}

TEST_F(RedunetCommand, RefusesWhatItDoesNotHave) {
  expect_failure(krate(train({"--epochs", "3"})), "--epochs means nothing to the model redunet");
  expect_failure(krate(train({"--lambda-s", "0"})), "--lambda-s = 0.0, but it must be above 0");
  expect_failure(krate({"train", "--model", "redunet", "--data", data, "--layers", "20000", "-o", run}),
                 "layers = 20000, but it must be at most 10000");
  expect_failure(krate(train({"--classes", "3"})), "--classes = 3, but it must be at least the dataset's 10");
  expect_failure(krate(train({"--precision", "bf16"})), "bf16 is not built yet for this model");
  expect_failure(krate({"train", "--model", "crate", "--data", data, "--layers", "3", "-o", run}),
                 "--layers means nothing to the model crate");
  EXPECT_FALSE(scratch.holds("run"));
  ASSERT_EQ(krate(train()).exit_code, 0);
  expect_failure(krate({"analyze", "layers", model, "--data", data, "-o", scratch / "dir"}), "redunet");
}

}  // namespace
}  // namespace krate::testing
