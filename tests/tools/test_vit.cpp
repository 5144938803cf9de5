// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Transformers to compare with by the command: vit, gpt2, and CRATEs with one of their halves.
#include "command.hpp"
#include "krate/io/hdf5.hpp"

namespace krate::testing {
namespace {

using Words = std::vector<std::string>;

struct VitCommand : ::testing::Test {
  Scratch scratch;
  std::string const data = scratch / "digits.h5", run = scratch / "run";
  void SetUp() override { ASSERT_EQ(krate({"data", "digits", "-o", data}).exit_code, 0); }

  Words train(std::string const& where, std::string const& model, Words const& more = {},
              char const* steps = "30") const {
    Words words{"train", "--model", model, "--data",  data, "--dim",           "32",   "--depth", "2",  "--heads",
                "2",     "--steps", steps, "--batch", "64", "--learning-rate", "3e-3", "-o",      where};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  Outcome predict() const { return krate({"predict", run + "/model.h5", "--data", data, "-o", scratch / "out.h5"}); }
};

TEST_F(VitCommand, TrainsResumesPredictsAndGoesBothWays) {
  auto const summary = json_of(krate(train(run, "vit", {"--json"}, "100")));
  EXPECT_EQ(summary["model"], "vit");
  EXPECT_GT(summary["test_accuracy"].get<double>(), 0.7);
  EXPECT_EQ(krate({"resume", run}).exit_code, 0);
  auto const found = json_of(krate({"eval", run + "/model.h5", "--data", data, "--json"}));
  EXPECT_NEAR(found["loss"].get<double>(), summary["test_loss"].get<double>(), 1e-5);
  ASSERT_EQ(predict().exit_code, 0);
  EXPECT_EQ(io::File::open(scratch / "out.h5").info("/logits").shape, (std::vector<std::size_t>{1797, 10}));
  ASSERT_EQ(krate({"export", run + "/model.h5", "-o", scratch / "m.safetensors"}).exit_code, 0);
  ASSERT_EQ(krate({"import", scratch / "m.safetensors", "--family", "vit", "-o", scratch / "back.h5"}).exit_code, 0);
  EXPECT_EQ(json_of(krate({"eval", scratch / "back.h5", "--data", data, "--json"})), found);
}

TEST_F(VitCommand, ResumingGivesTheBitsOfTheUninterruptedRun) {
  ASSERT_EQ(krate(train(run, "vit", {"--checkpoint-every", "20"})).exit_code, 0);
  std::string const part = scratch / "part";
  std::filesystem::copy(run, part, std::filesystem::copy_options::recursive);
  for (auto const* file : {"/model.h5", "/summary.json", "/checkpoints/step-00000030.h5"})
    std::filesystem::remove(part + file);
  EXPECT_EQ(json_of(krate({"resume", part, "--json"}))["resumed_from"], 20);
  for (auto const* name : {"/model/blocks/01/mhsa/projection/weight", "/model/class_token"})
    EXPECT_EQ(io::File::open(part + "/model.h5").read_all(name), io::File::open(run + "/model.h5").read_all(name));
}

TEST_F(VitCommand, EachHalfOfACrateCanBeReplaced) {
  for (auto const& [attention, feed_forward] : {std::pair{"mssa", "mlp"}, {"mhsa", "ista"}, {"mhsa", "mlp"}}) {
    SCOPED_TRACE(std::string(attention) + " and " + feed_forward);
    std::filesystem::remove_all(run);
    Words const flags{"--attention", attention, "--feed-forward", feed_forward, "--json"};
    auto const summary = json_of(krate(train(run, "crate", flags)));
    EXPECT_LT(summary["test_loss"].get<double>(), 2.3);
    EXPECT_FALSE(scratch.holds("run/report/index.html"));
    auto const found = json_of(krate({"eval", run + "/model.h5", "--data", data, "--json"}));
    EXPECT_NEAR(found["loss"].get<double>(), summary["test_loss"].get<double>(), 1e-5);
    ASSERT_EQ(predict().exit_code, 0);
    ASSERT_EQ(krate({"export", run + "/model.h5", "-o", scratch / "m.safetensors"}).exit_code, 0);
    ASSERT_EQ(krate({"import", scratch / "m.safetensors", "--family", "crate", "-o", scratch / "back.h5"}).exit_code,
              0);
    EXPECT_EQ(json_of(krate({"eval", scratch / "back.h5", "--data", data, "--json"})), found);
    expect_failure(krate({"analyze", "layers", run + "/model.h5", "--data", data, "-o", scratch / "look"}),
                   attention == std::string("mhsa") ? "attention = mhsa" : "feed_forward = mlp");
  }
  auto const config = io::File::open(run + "/model.h5").attributes("/config");
  EXPECT_EQ(config.get<std::string>("attention"), "mhsa");
  EXPECT_EQ(config.get<std::string>("feed_forward"), "mlp");
  ASSERT_EQ(krate(train(scratch / "crate", "crate")).exit_code, 0);
  EXPECT_FALSE(io::File::open(scratch / "crate/model.h5").attributes("/config").has("attention"));
}

TEST_F(VitCommand, ProductsInBfloat16TrainNearlyTheSame) {
  for (auto const& [model, more] :
       std::vector<std::pair<std::string, Words>>{{"vit", {}}, {"crate", {"--feed-forward", "mlp"}}}) {
    auto const run_of = [&](std::string const& precision) {
      Words words = more;
      words.insert(words.end(), {"--precision", precision, "--json"});
      return json_of(krate(train(scratch / (model + precision), model, words)))["test_loss"].get<double>();
    };
    double const full = run_of("fp32"), low = run_of("bf16");
    EXPECT_NE(low, full) << model;
    EXPECT_NEAR(low, full, 0.05 * full) << model;
  }
}

TEST_F(VitCommand, SaysWhatDoesNotGoTogether) {
  for (std::string const flag : {"--eta", "--lambda"}) expect_failure(krate(train(run, "vit", {flag, "0.1"})), flag);
  expect_failure(krate(train(run, "vit", {"--pool", "mean"})), "--pool");
  expect_failure(krate(train(run, "vit", {"--attention", "mssa"})), "--attention");
  expect_failure(krate(train(run, "crate_alpha", {"--feed-forward", "mlp"})), "--feed-forward");
  expect_failure(krate(train(run, "crate", {"--attention", "linear"})), "--attention");
  EXPECT_FALSE(std::filesystem::exists(run));
}

#ifdef KRATE_MPIEXEC  // a build without MPI has no ranks to test
TEST_F(VitCommand, TwoRanksTrainTheSameModel) {
  auto const one = json_of(krate(train(run, "vit", {"--precision", "fp64", "--json"}))),
             two = json_of(krate_ranks(2, train(scratch / "two", "vit", {"--precision", "fp64", "--json"})));
  EXPECT_NEAR(two["train_loss"].get<double>(), one["train_loss"].get<double>(), 1e-9);
  EXPECT_NEAR(two["test_loss"].get<double>(), one["test_loss"].get<double>(), 1e-9);
}
#endif

TEST_F(VitCommand, StepsAreMeasured) {
  Words const common{"--dim", "16", "--depth", "1", "--heads", "2", "--batch", "4", "--repeat", "1", "--json"};
  std::pair<std::string, Words> const models[] = {
      {"vit", {"--image-size", "8", "--patch-size", "4", "--channels", "1", "--classes", "4"}},
      {"gpt2", {"--tokens", "16", "--vocabulary", "32"}},
      {"crate_bert", {"--tokens", "16", "--vocabulary", "32"}},
      {"tost_causal", {"--tokens", "16", "--vocabulary", "32"}}};
  for (auto const& [model, sizes] : models) {
    for (std::string const what : {"step", "infer"}) {
      Words words{"bench", what, "--model", model};
      words.insert(words.end(), sizes.begin(), sizes.end());
      words.insert(words.end(), common.begin(), common.end());
      EXPECT_GT(json_of(krate(words))["flops"].get<double>(), 0) << what << " of " << model;
    }
  }
}

}  // namespace
}  // namespace krate::testing
