// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// CRATE-alpha, from data to pictures of what it learnt.
#include "command.hpp"
#include "krate/io/hdf5.hpp"

namespace krate::testing {
namespace {

using Words = std::vector<std::string>;

struct CrateAlphaCommand : ::testing::Test {
  Scratch scratch;
  std::string const data = scratch / "digits.h5", run = scratch / "run";
  void SetUp() override { ASSERT_EQ(krate({"data", "digits", "-o", data}).exit_code, 0); }

  Words train(std::string const& where, Words const& more = {}) const {
    Words words{"train", "--model", "crate_alpha", "--data",  data, "--dim",   "16", "--depth",
                "2",     "--heads", "2",           "--steps", "12", "--batch", "64", "--learning-rate",
                "3e-3",  "-o",      where};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
};

TEST_F(CrateAlphaCommand, TrainsResumesPredictsAndIsLookedAt) {
  auto const summary = json_of(krate(train(run, {"--json"})));
  EXPECT_EQ(summary["model"], "crate_alpha");
  EXPECT_TRUE(scratch.holds("run/report/index.html"));
  EXPECT_EQ(krate({"resume", run}).exit_code, 0);
  auto const config = io::File::open(run + "/model.h5").attributes("/config");
  EXPECT_EQ(config.get<std::string>("variant"), "residual");
  EXPECT_EQ(config.get<std::int64_t>("expansion"), 4);
  auto const found = json_of(krate({"eval", run + "/model.h5", "--data", data, "--json"}));
  EXPECT_NEAR(found["loss"].get<double>(), summary["test_loss"].get<double>(), 1e-5);
  ASSERT_EQ(krate({"predict", run + "/model.h5", "--data", data, "-o", scratch / "out.h5"}).exit_code, 0);
  EXPECT_EQ(io::File::open(scratch / "out.h5").info("/logits").shape, (std::vector<std::size_t>{1797, 10}));
  for (std::string const what : {"layers", "attention"})
    EXPECT_EQ(krate({"analyze", what, run + "/model.h5", "--data", data, "-o", scratch / "look"}).exit_code, 0);
  EXPECT_TRUE(scratch.holds("look/layers.csv") && scratch.holds("look/attention.png"));
  // Into the authors' names and back: the same predictions.
  ASSERT_EQ(krate({"export", run + "/model.h5", "-o", scratch / "m.safetensors"}).exit_code, 0);
  ASSERT_EQ(
      krate({"import", scratch / "m.safetensors", "--family", "crate_alpha", "-o", scratch / "back.h5"}).exit_code, 0);
  EXPECT_EQ(json_of(krate({"eval", scratch / "back.h5", "--data", data, "--json"})), found);
}

TEST_F(CrateAlphaCommand, EachVariantTrainsAndOtherModelsHaveNone) {
  std::int64_t before = 0;
  for (std::string const variant : {"overcomplete", "decoupled", "residual"}) {
    auto const summary = json_of(krate(train(scratch / variant, {"--variant", variant, "--expansion", "2", "--json"})));
    auto const parameters = summary["parameters"].get<std::int64_t>();
    // A decoder a block.
    EXPECT_EQ(parameters - before, variant == "overcomplete" ? parameters : variant == "decoupled" ? 2 * 16 * 32 : 0);
    before = parameters;
  }
  expect_failure(krate(train(run, {"--variant", "tied"})), "--variant");
  expect_failure(krate(train(run, {"--pool", "mean"})), "--pool");
  expect_failure(krate({"train", "--model", "crate", "--data", data, "--expansion", "2", "-o", run}), "--expansion");
}

TEST_F(CrateAlphaCommand, ProductsInBfloat16AndRecomputingTrain) {
  auto const full = json_of(krate(train(run, {"--json"})));
  auto const less = json_of(krate(train(scratch / "less", {"--recompute", "--json"})));
  EXPECT_EQ(full["train_loss"], less["train_loss"]);
  auto const low = json_of(krate(train(scratch / "low", {"--precision", "bf16", "--json"})));
  EXPECT_NEAR(low["train_loss"].get<double>(), full["train_loss"].get<double>(), 0.1);
}

TEST_F(CrateAlphaCommand, ItsStepIsMeasured) {
  Words const size{"--model",      "crate_alpha", "--dim",        "16", "--depth",    "1", "--heads",   "2",
                   "--image-size", "8",           "--patch-size", "4",  "--channels", "1", "--classes", "4",
                   "--batch",      "4",           "--repeat",     "1",  "--json"};
  for (std::string const what : {"step", "infer"}) {
    Words words{"bench", what};
    words.insert(words.end(), size.begin(), size.end());
    EXPECT_GT(json_of(krate(words))["flops"].get<double>(), 0) << what;
  }
}

}  // namespace
}  // namespace krate::testing
