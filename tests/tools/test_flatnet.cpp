// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The model flatnet in krate data, train, resume, eval and predict.
#include <cmath>
#include <filesystem>
#include <sstream>

#include "command.hpp"
#include "krate/io/checkpoint.hpp"
#include "krate/io/dataset.hpp"
#include "tools/flatnet.hpp"
#include "tools/manifold.hpp"

namespace krate::testing {
namespace {

struct FlatnetCommand : ::testing::Test {
  Scratch scratch;
  std::string const data = scratch / "sine.h5", run = scratch / "run", model = run + "/model.h5";
  void SetUp() override { ASSERT_EQ(krate({"data", "manifold", "sine", "-o", data}).exit_code, 0); }

  std::vector<std::string> train(std::string const& to, std::vector<std::string> const& more = {}) const {
    std::vector<std::string> words{"train", "--model", "flatnet", "--data", data, "--inner-iterations",
                                   "100",   "-o",      to};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
};

TEST_F(FlatnetCommand, ARunHasARowAStepAndAModelThatOtherCommandsTake) {
  auto const summary = json_of(krate(train(run, {"--iterations", "60", "--json"})));
  EXPECT_EQ(summary["model"], "flatnet");
  EXPECT_EQ(summary["steps"], 60);
  EXPECT_EQ(summary["manifold_dim"], 1);
  EXPECT_TRUE(summary["test_loss"].is_null());
  EXPECT_GT(summary["baselines"]["pca_loss"].get<double>(), summary["train_loss"].get<double>());
  EXPECT_NEAR(summary["baselines"]["mle_dim"].get<double>(), 1, 0.3);
  std::istringstream csv(content_of(run + "/layers.csv"));
  std::string line;
  std::getline(csv, line);
  EXPECT_EQ(line, "step,dim,radius,alpha,loss,change,accepted");
  int rows = 0, accepted = 0;
  while (std::getline(csv, line)) {
    ++rows;
    accepted += line.back() == '1';
  }
  EXPECT_EQ(rows, 60);
  EXPECT_EQ(accepted, summary["layers"].get<int>());

  auto const found = json_of(krate({"eval", model, "--data", data, "--json"}));
  EXPECT_EQ(found["samples"], 50);
  EXPECT_NEAR(found["loss"].get<double>(), summary["train_loss"].get<double>(), 1e-12);
  EXPECT_FALSE(found.contains("accuracy"));

  ASSERT_EQ(krate({"predict", model, "--data", data, "-o", scratch / "out.h5"}).exit_code, 0);
  auto const out = io::File::open(scratch / "out.h5");
  auto const codes = out.read_all<double>("/features"), back = out.read_all<double>("/reconstruction");
  EXPECT_EQ(out.info("/features").shape, (std::vector<std::size_t>{50, 2}));
  auto const x = io::File::open(data).read_all<double>("/samples/features");
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += (x[i] - back[i]) * (x[i] - back[i]);
  EXPECT_NEAR(sum / 50, summary["train_loss"].get<double>(), 1e-9);

  io::write_dataset(scratch / "codes.h5", {}, {.sample_shape = {2}, .samples = std::span<double const>(codes)});
  ASSERT_EQ(krate({"predict", model, "--data", scratch / "codes.h5", "--decode", "-o", scratch / "back.h5"}).exit_code,
            0);
  EXPECT_EQ(io::File::open(scratch / "back.h5").read_all<double>("/reconstruction"), back);
  EXPECT_EQ(krate({"resume", run}).exit_code, 0);  // finished
  EXPECT_EQ(content_of(run + "/flattened.png").substr(1, 3), "PNG");
}

TEST_F(FlatnetCommand, PrincipalSamplesKeepDistances) {
  ASSERT_EQ(krate({"data", "principal", data, "--directions", "2", "-o", scratch / "turned.h5"}).exit_code, 0);
  auto const x = io::File::open(data).read_all<double>("/samples/features"),
             y = io::File::open(scratch / "turned.h5").read_all<double>("/samples/features");
  ASSERT_EQ(x.size(), y.size());
  double mean = 0;
  for (std::size_t i = 0; i < 50; ++i) {
    mean += y[2 * i] / 50;
    EXPECT_NEAR(std::hypot(y[2 * i] - y[0], y[2 * i + 1] - y[1]), std::hypot(x[2 * i] - x[0], x[2 * i + 1] - x[1]),
                1e-5);
  }
  EXPECT_NEAR(mean, 0, 1e-6);
  ASSERT_EQ(krate({"data", "digits", "-o", scratch / "digits.h5"}).exit_code, 0);
  auto const twos = json_of(krate({"data", "principal", scratch / "digits.h5", "--label", "2", "--directions", "9",
                                   "-o", scratch / "t.h5", "--json"}));
  EXPECT_EQ(twos["shape"], (std::vector<int>{9}));
  EXPECT_LT(twos["samples"], 300);
  expect_failure(krate({"data", "principal", data, "--label", "2", "-o", scratch / "x.h5"}), "label");
  expect_failure(krate({"data", "principal", data, "--directions", "0", "-o", scratch / "x.h5"}), "--directions = 0");
}

TEST_F(FlatnetCommand, ResumesToTheBitsOfTheUninterruptedRun) {
  ASSERT_EQ(krate(train(run, {"--iterations", "12", "--checkpoint-every", "4"})).exit_code, 0);
  auto const bits = io::File::open(model).read_all<double>("/model/layers/00003/frame");
  auto const layers = content_of(run + "/layers.csv");
  std::filesystem::remove(model);
  std::filesystem::remove(run + "/summary.json");
  auto const summary = json_of(krate({"resume", run, "--json"}));
  EXPECT_EQ(summary["resumed_from"], 8);
  EXPECT_EQ(io::File::open(model).read_all<double>("/model/layers/00003/frame"), bits);
  EXPECT_EQ(content_of(run + "/layers.csv"), layers);
}

TEST_F(FlatnetCommand, TakesAKnownDimension) {
  ASSERT_EQ(krate({"data", "manifold", "gp", "--samples", "60", "--dim", "9", "--intrinsic-dim", "2", "-o",
                   scratch / "gp.h5"})
                .exit_code,
            0);
  auto const with = [&](std::string const& directory, std::string const& dimension, std::string const& rule) {
    return krate({"train", "--model", "flatnet", "--data", scratch / "gp.h5", "--iterations", "4", "--inner-iterations",
                  "30", "--manifold-dim", dimension, "--dimension", rule, "--json", "-o", directory});
  };
  EXPECT_EQ(json_of(with(run, "3", "whole"))["manifold_dim"], 3);
  expect_failure(with(scratch / "both", "3", "layer"), "give one of them");
  expect_failure(with(scratch / "many", "10", "whole"), "dimension = 10");
  EXPECT_FALSE(scratch.holds("both"));
  EXPECT_FALSE(scratch.holds("many"));
}

TEST_F(FlatnetCommand, TwoRanksBuildTheSameModel) {
#ifdef KRATE_MPIEXEC
  auto const one = json_of(krate(train(run, {"--iterations", "6", "--json"})));
  auto const two = krate_ranks(2, train(scratch / "two", {"--iterations", "6"}));
  ASSERT_EQ(two.exit_code, 0) << two.err;
  auto const summary = nlohmann::json::parse(content_of(scratch / "two/summary.json"));
  EXPECT_EQ(summary["ranks"], 2);
  EXPECT_NEAR(summary["train_loss"].get<double>(), one["train_loss"].get<double>(), 1e-9);
#endif
}

TEST_F(FlatnetCommand, RefusesWhatItDoesNotHave) {
  expect_failure(krate(train(run, {"--epochs", "3"})), "--epochs means nothing to the model flatnet");
  expect_failure(krate(train(run, {"--alpha-max", "1"})), "--alpha-max");
  expect_failure(krate({"train", "--model", "mlp", "--data", data, "--iterations", "3", "-o", run}),
                 "--iterations means nothing to the model mlp");
  expect_failure(krate({"data", "manifold", "gp", "--samples", "1", "-o", scratch / "x.h5"}), "--samples = 1");
  EXPECT_FALSE(scratch.holds("run"));
  ASSERT_EQ(krate({"data", "digits", "-o", scratch / "digits.h5"}).exit_code, 0);
  ASSERT_EQ(krate(train(run, {"--iterations", "2"})).exit_code, 0);
  expect_failure(krate({"eval", model, "--data", scratch / "digits.h5"}), "samples have 64 numbers");
  expect_failure(krate({"predict", model, "--data", data, "--mask-ratio", "0.5", "-o", scratch / "x.h5"}), "flatnet");
}

TEST(Manifolds, HaveTheirDimensions) {
  for (std::size_t const d : {1, 2, 4}) {
    auto const x = tools::sample_manifold({.shape = "gp", .samples = 600, .dim = 20, .intrinsic = d});
    auto const found = tools::estimate_dimension(tools::Space(), {20, x});
    EXPECT_NEAR(found.two_nn, static_cast<double>(d), 0.25 * static_cast<double>(d));
    EXPECT_NEAR(found.maximum_likelihood, static_cast<double>(d), 0.25 * static_cast<double>(d));
    double square = 0;
    for (double const v : x) square += v * v / 600;
    EXPECT_GT(square, 0.2);
    EXPECT_LT(square, 5);
  }
  auto const roll = tools::sample_manifold({.shape = "swissroll", .samples = 30});
  for (std::size_t i = 0; i < 30; ++i) {
    double const t = std::hypot(roll[3 * i], roll[3 * i + 2]);
    EXPECT_NEAR(roll[3 * i], t * std::cos(t), 1e-12);
    EXPECT_NEAR(roll[3 * i + 2], t * std::sin(t), 1e-12);
  }
}

}  // namespace
}  // namespace krate::testing
