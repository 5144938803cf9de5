// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Language models by the command: from a text to a model that goes on with it.
#include <algorithm>
#include <cmath>
#include <sstream>

#include "command.hpp"
#include "krate/io/hdf5.hpp"
#include "tools/sampling.hpp"

namespace krate::testing {
namespace {

using Words = std::vector<std::string>;

/// A text with rules to be learnt, and a model that learns them in a second.
struct Language : ::testing::Test {
  Scratch scratch;
  std::string const data = scratch / "text.h5", run = scratch / "run";
  void SetUp() override {
    std::string text;
    for (int i = 0; i < 600; ++i) text += i % 3 == 0 ? "the cat sat; " : i % 3 == 1 ? "a dog ran; " : "the bird flew; ";
    ASSERT_EQ(krate({"data", "text", scratch.write("text.txt", text), "--context", "24", "-o", data}).exit_code, 0);
  }
  Words train(std::string const& where, Words const& more = {}) const {
    Words words{"train",
                "--model",
                "causal_crate",
                "--data",
                data,
                "-o",
                where,
                "--dim",
                "24",
                "--depth",
                "2",
                "--heads",
                "2",
                "--batch",
                "32",
                "--learning-rate",
                "3e-3",
                "--seed",
                "5",
                "--checkpoint-every",
                "20"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  static std::vector<double> parameters(std::string const& file) {
    return io::File::open(file).read_all<double>("/model/token_embedding");
  }
  static std::vector<double> losses(std::string const& run) {
    std::istringstream in(content_of(run + "/metrics.csv"));
    std::vector<double> all;
    std::string line, cell;
    std::getline(in, line);
    while (std::getline(in, line)) {
      std::istringstream cells(line);
      for (int i = 0; i < 4; ++i) std::getline(cells, cell, ',');
      all.push_back(std::stod(cell));
    }
    return all;
  }
};

TEST_F(Language, LayersAreMeasured) {
  for (std::string const model : {"causal_crate", "crate_bert"}) {
    auto const where = scratch / model;
    Words words = train(where, {"--steps", "2"});
    *std::find(words.begin(), words.end(), "causal_crate") = model;
    ASSERT_EQ(krate(words).exit_code, 0);
    auto const layers = json_of(
        krate({"analyze", "layers", where + "/model.h5", "--data", data, "-o", scratch / "l", "--json"}))["layers"];
    ASSERT_EQ(layers.size(), 2u) << model;
    for (auto const& layer : layers) EXPECT_GT(layer["coding_rate"].get<double>(), 0) << model;
  }
}

TEST_F(Language, ATrainedModelKnowsTheTextAndGoesOn) {
  Words learn = train(run, {"--steps", "300", "--augment", "windows", "--json"});
  *std::find(learn.begin(), learn.end(), "3e-3") = "1e-2";
  auto const summary = json_of(krate(learn));
  EXPECT_EQ(summary["model"], "causal_crate");
  double const loss = summary["test_loss"].get<double>();
  EXPECT_LT(loss, 0.5);  // 2.8 is the entropy of a single letter
  EXPECT_NEAR(summary["test_bits_per_token"].get<double>(), loss / std::log(2.0), 1e-12);
  auto const found = json_of(krate({"eval", run + "/model.h5", "--data", data, "--json"}));
  EXPECT_NEAR(found["loss"].get<double>(), loss, 1e-5);
  EXPECT_NEAR(found["bits_per_token"].get<double>(), loss / std::log(2.0), 1e-5);

  Words const generate{"generate", run + "/model.h5", "--prompt", "the cat ", "--tokens", "60", "--json"};
  auto const with = [&](Words const& more) {
    Words words = generate;
    words.insert(words.end(), more.begin(), more.end());
    return json_of(krate(words))["text"].get<std::string>();
  };
  auto const likeliest = with({"--temperature", "0"});  // longer than the context
  EXPECT_EQ(likeliest.size(), 60u);
  EXPECT_EQ(likeliest.substr(0, 5), "sat; ");
  EXPECT_EQ(with({"--top-k", "1"}), likeliest);
  EXPECT_EQ(with({"--seed", "1", "--temperature", "2"}), with({"--seed", "1", "--temperature", "2"}));
  EXPECT_NE(with({"--seed", "1", "--temperature", "2"}), with({"--seed", "2", "--temperature", "2"}));
  expect_failure(krate({"generate", run + "/model.h5", "--temperature", "-1"}), "must not be negative");
  expect_failure(krate({"generate", run + "/model.h5", "--prompt", ""}), "must have a character");

  ASSERT_EQ(krate({"predict", run + "/model.h5", "--data", data, "-o", scratch / "out.h5"}).exit_code, 0);
  auto const shape = io::File::open(scratch / "out.h5").info("/logits").shape;
  ASSERT_EQ(shape.size(), 3u);
  EXPECT_EQ(shape[1], 24u);
  EXPECT_EQ(shape[2], 256u);
}

TEST_F(Language, ResumingGivesTheBitsOfTheUninterruptedRun) {
  Words const options{"--steps", "40", "--augment", "windows"};
  ASSERT_EQ(krate(train(run, options)).exit_code, 0);
  std::string const part = scratch / "part";
  std::filesystem::copy(run, part, std::filesystem::copy_options::recursive);
  for (auto const* file : {"/model.h5", "/summary.json", "/checkpoints/step-00000040.h5"})
    std::filesystem::remove(part + file);
  auto const summary = json_of(krate({"resume", part, "--json"}));
  EXPECT_EQ(summary["resumed_from"], 20);
  EXPECT_EQ(parameters(part + "/model.h5"), parameters(run + "/model.h5"));
  EXPECT_EQ(losses(part), losses(run));
}

#ifdef KRATE_MPIEXEC  // a build without MPI has no ranks to test
TEST_F(Language, TwoRanksTrainTheSameModel) {
  Words const options{"--steps", "20", "--precision", "fp64", "--augment", "windows"};
  ASSERT_EQ(krate(train(run, options)).exit_code, 0);
  ASSERT_EQ(krate_ranks(2, train(scratch / "two", options)).exit_code, 0);
  auto const one = losses(run), two = losses(scratch / "two");
  ASSERT_EQ(one.size(), two.size());
  for (std::size_t i = 0; i < one.size(); ++i) EXPECT_NEAR(two[i], one[i], 1e-11 * one[i]) << "row " << i;
  auto const alone = json_of(krate({"eval", run + "/model.h5", "--data", data, "--json"})),
             both = json_of(krate_ranks(2, {"eval", run + "/model.h5", "--data", data, "--json"}));
  EXPECT_NEAR(alone["loss"].get<double>(), both["loss"].get<double>(), 1e-12);
  EXPECT_EQ(alone["accuracy"], both["accuracy"]);
}
#endif

TEST_F(Language, AMaskedModelFillsIn) {
  Words words = train(run, {"--steps", "150", "--augment", "windows", "--json"});
  words[2] = "crate_bert";
  auto const summary = json_of(krate(words));
  EXPECT_EQ(summary["model"], "crate_bert");
  EXPECT_LT(summary["test_loss"].get<double>(), 3);  // log 257 = 5.5 with nothing learnt
  Words const eval{"eval", run + "/model.h5", "--data", data, "--json"};
  auto const found = json_of(krate(eval));
  EXPECT_EQ(json_of(krate(eval)), found);  // the same tokens are masked each time
  EXPECT_NEAR(found["loss"].get<double>(), summary["test_loss"].get<double>(), 1e-5);
  ASSERT_EQ(krate({"export", run + "/model.h5", "-o", scratch / "bert.safetensors"}).exit_code, 0);
  ASSERT_EQ(
      krate({"import", scratch / "bert.safetensors", "--family", "crate_bert", "-o", scratch / "again.h5"}).exit_code,
      0);
  EXPECT_EQ(parameters(scratch / "again.h5"), parameters(run + "/model.h5"));
  expect_failure(krate({"generate", run + "/model.h5"}), "causal_crate");
}

TEST_F(Language, ACausalTostLearnsTheText) {
  Words words = train(run, {"--steps", "150", "--augment", "windows", "--json"});
  words[2] = "tost_causal";
  auto const summary = json_of(krate(words));
  EXPECT_EQ(summary["model"], "tost_causal");
  EXPECT_LT(summary["test_loss"].get<double>(), 2.8);  // the entropy of a single letter
  auto const found = json_of(krate({"eval", run + "/model.h5", "--data", data, "--json"}));
  EXPECT_NEAR(found["loss"].get<double>(), summary["test_loss"].get<double>(), 1e-5);
  ASSERT_EQ(krate({"predict", run + "/model.h5", "--data", data, "-o", scratch / "out.h5"}).exit_code, 0);
  Words const generate{"generate", run + "/model.h5", "--prompt", "the ", "--tokens", "40", "--seed", "3", "--json"};
  auto const text = json_of(krate(generate));
  EXPECT_EQ(text["tokens"], 40);
  EXPECT_EQ(json_of(krate(generate)), text);
  words.insert(words.end(), {"--eta", "0.1"});
  words[6] = scratch / "other";
  expect_failure(krate(words), "--eta");
}

TEST_F(Language, Gpt2LearnsTheTextAndGoesOn) {
  Words words = train(run, {"--steps", "150", "--augment", "windows", "--json"});
  words[2] = "gpt2";
  auto const summary = json_of(krate(words));
  EXPECT_EQ(summary["model"], "gpt2");
  EXPECT_LT(summary["test_loss"].get<double>(), 2.5);  // 2.8 is the entropy of a single letter
  auto const found = json_of(krate({"eval", run + "/model.h5", "--data", data, "--json"}));
  EXPECT_NEAR(found["loss"].get<double>(), summary["test_loss"].get<double>(), 1e-5);
  ASSERT_EQ(krate({"predict", run + "/model.h5", "--data", data, "-o", scratch / "out.h5"}).exit_code, 0);
  Words const generate{"generate", run + "/model.h5", "--prompt", "the ", "--tokens", "40", "--seed", "3", "--json"};
  auto const text = json_of(krate(generate));
  EXPECT_EQ(text["tokens"], 40);
  EXPECT_EQ(json_of(krate(generate)), text);
  ASSERT_EQ(krate({"export", run + "/model.h5", "-o", scratch / "m.safetensors"}).exit_code, 0);
  ASSERT_EQ(krate({"import", scratch / "m.safetensors", "--family", "gpt2", "-o", scratch / "back.h5"}).exit_code, 0);
  EXPECT_EQ(parameters(scratch / "back.h5"), parameters(run + "/model.h5"));
  words.insert(words.end(), {"--eta", "0.1"});
  words[6] = scratch / "other";
  expect_failure(krate(words), "--eta");
}

TEST_F(Language, SaysWhatDoesNotGoTogether) {
  expect_failure(krate(train(run, {"--augment", "shift1"})),
                 "--augment shift1 means nothing to the model causal_crate");
  expect_failure(krate(train(run, {"--patch-size", "4"})), "--patch-size");
  expect_failure(krate(train(run, {"--vocabulary", "200"})), "must be at least 256, which the dataset needs");
  expect_failure(krate(train(run, {"--context", "8"})), "must be at least the 24 tokens of a sample");
  ASSERT_EQ(krate({"data", "digits", "-o", scratch / "digits.h5"}).exit_code, 0);
  expect_failure(krate({"train", "--model", "causal_crate", "--data", scratch / "digits.h5", "-o", run}),
                 "must hold tokens");
  expect_failure(krate({"train", "--model", "crate", "--data", data, "-o", run}), "must hold images");
  expect_failure(krate({"train", "--model", "crate", "--data", scratch / "digits.h5", "--context", "9", "-o", run}),
                 "--context");
  EXPECT_FALSE(std::filesystem::exists(run));
}

TEST(Sampling, FollowsTheProbabilities) {
  using tools::sample;
  std::vector<double> const logits{std::log(1.0), std::log(5.0), std::log(3.0), std::log(1.0)};
  EXPECT_EQ(sample(logits, {.temperature = 0}, 0.99), 1u);
  EXPECT_EQ(sample(logits, {.top_k = 1}, 0.99), 1u);
  std::size_t counts[4] = {};
  for (int i = 0; i < 1000; ++i) ++counts[sample(logits, {}, (i + 0.5) / 1000)];
  EXPECT_EQ(std::vector<std::size_t>(counts, counts + 4), (std::vector<std::size_t>{100, 500, 300, 100}));
  std::size_t two[4] = {};
  for (int i = 0; i < 1000; ++i) ++two[sample(logits, {.top_k = 2}, (i + 0.5) / 1000)];
  EXPECT_EQ(std::vector<std::size_t>(two, two + 4), (std::vector<std::size_t>{0, 625, 375, 0}));
  std::size_t cold[4] = {};
  for (int i = 0; i < 1000; ++i) ++cold[sample(logits, {.temperature = 0.5}, (i + 0.5) / 1000)];
  EXPECT_NEAR(static_cast<double>(cold[1]), 1000 * 25.0 / 36, 1);
}

}  // namespace
}  // namespace krate::testing
