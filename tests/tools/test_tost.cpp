// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// ToST by the command.
#include <cmath>
#include <numeric>
#include <sstream>

#include "command.hpp"
#include "krate/io/checkpoint.hpp"
#include "krate/io/hdf5.hpp"

namespace krate::testing {
namespace {

using Words = std::vector<std::string>;

struct TostCommand : ::testing::Test {
  Scratch scratch;
  std::string const data = scratch / "digits.h5", run = scratch / "run";
  void SetUp() override { ASSERT_EQ(krate({"data", "digits", "-o", data}).exit_code, 0); }

  Words train(std::string const& where, Words const& more = {}, char const* steps = "30") const {
    Words words{"train", "--model",         "tost", "--data",       data, "--dim",   "32",  "--depth",
                "2",     "--heads",         "2",    "--patch-size", "2",  "--steps", steps, "--batch",
                "64",    "--learning-rate", "5e-3", "-o",           where};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
};

TEST_F(TostCommand, TrainsResumesPredictsAndGoesBothWays) {
  auto const summary = json_of(krate(train(run, {"--json"}, "100")));
  EXPECT_EQ(summary["model"], "tost");
  auto const learnt = summary["parameters"].get<std::int64_t>();
  EXPECT_GT(summary["test_accuracy"].get<double>(), 0.5);
  EXPECT_EQ(krate({"resume", run}).exit_code, 0);
  auto const found = json_of(krate({"eval", run + "/model.h5", "--data", data, "--json"}));
  EXPECT_NEAR(found["loss"].get<double>(), summary["test_loss"].get<double>(), 1e-5);
  ASSERT_EQ(krate({"predict", run + "/model.h5", "--data", data, "-o", scratch / "out.h5"}).exit_code, 0);
  EXPECT_EQ(io::File::open(scratch / "out.h5").info("/features").shape, (std::vector<std::size_t>{1797, 32}));
  ASSERT_EQ(krate({"export", run + "/model.h5", "-o", scratch / "m.safetensors"}).exit_code, 0);
  auto const back =
      json_of(krate({"import", scratch / "m.safetensors", "--family", "tost", "-o", scratch / "back.h5", "--json"}));
  // What batch norm collects, a mean and a variance a channel, is no parameter.
  EXPECT_EQ(back["parameters"].get<std::int64_t>(), learnt);
  std::int64_t stored = 0, collected = 0;
  auto const model = io::File::open(scratch / "back.h5");
  for (auto const& name : io::CheckpointReader(scratch / "back.h5", {}).tensors("/model")) {
    auto const size = static_cast<std::int64_t>(model.read_all<double>("/model/" + name).size());
    stored += size;
    if (name.find("collected") != std::string::npos) collected += size;
  }
  EXPECT_GT(collected, 0);
  EXPECT_EQ(stored, learnt + collected);
  EXPECT_EQ(json_of(krate({"eval", scratch / "back.h5", "--data", data, "--json"})), found);
}

TEST_F(TostCommand, ItsClassTokenAttendsToPatches) {
  ASSERT_EQ(krate(train(run)).exit_code, 0);
  auto const attention = [&](Words const& more) {
    Words words{"analyze", "attention", run + "/model.h5", "--data", data, "-o", scratch / "look"};
    words.insert(words.end(), more.begin(), more.end());
    return krate(words);
  };
  ASSERT_EQ(attention({"--block", "1"}).exit_code, 0);
  EXPECT_TRUE(scratch.holds("look/attention.png"));
  auto const file = io::File::open(scratch / "look/attention.h5");
  EXPECT_EQ(file.info("/maps").shape, (std::vector<std::size_t>{360, 2, 4, 4}));
  auto const maps = file.read_all<double>("/maps");
  for (std::size_t i = 0; i < maps.size(); i += 16) {  // of a softmax over these and the class token
    double const sum = std::accumulate(maps.begin() + static_cast<std::ptrdiff_t>(i),
                                       maps.begin() + static_cast<std::ptrdiff_t>(i + 16), 0.0);
    ASSERT_GT(sum, 0);
    ASSERT_LT(sum, 1);
  }
  expect_failure(attention({"--block", "2"}), "--block = 2, but it must be below 2");
}

TEST_F(TostCommand, LayersOfSeveralModelsStandSideBySide) {
  ASSERT_EQ(krate(train(run)).exit_code, 0);
  ASSERT_EQ(krate({"train", "--model", "crate", "--data", data, "--dim", "16", "--depth", "3", "--heads", "2",
                   "--steps", "3", "-o", scratch / "crate"})
                .exit_code,
            0);
  std::string const text = scratch / "text.h5", words = scratch.write("words.txt", std::string(4000, 'a') + "b");
  ASSERT_EQ(krate({"data", "text", words, "--context", "16", "-o", text}).exit_code, 0);
  ASSERT_EQ(krate({"train", "--model", "tost_causal", "--data", text, "--dim", "16", "--depth", "1", "--heads", "2",
                   "--steps", "3", "-o", scratch / "causal"})
                .exit_code,
            0);
  auto const lines_of = [&](std::string const& directory) {
    std::istringstream all(content_of(directory + "/layers.csv"));
    Words lines;
    for (std::string line; std::getline(all, line);) lines.push_back(line);
    return lines;
  };
  std::string const tost = run + "/model.h5", crate = scratch / "crate/model.h5", causal = scratch / "causal/model.h5";
  ASSERT_EQ(krate({"analyze", "layers", tost, "--data", data, "-o", scratch / "one"}).exit_code, 0);
  auto const one = lines_of(scratch / "one");
  ASSERT_EQ(one.size(), 3u);
  EXPECT_EQ(one[0], "layer,coding_rate,coding_rate_std,density,density_std");
  double const rate = std::stod(one[1].substr(2));
  EXPECT_GT(rate, 2 / 2. * std::log(1 + 16 / 0.01));  // bounds of two heads of 16
  EXPECT_LT(rate, 32 / 2. * std::log(1 + 1 / 0.01));
  EXPECT_NE(one[1].find(",1,0"), one[1].npos) << "no token of a ToST is sparse";
  auto const both = json_of(krate({"analyze", "layers", tost, crate, causal, "--data", data, "--data", data, "--data",
                                   text, "-o", scratch / "all", "--json"}));
  ASSERT_EQ(both["models"].size(), 3u);
  EXPECT_EQ(both["models"][1]["model"], "crate");
  EXPECT_EQ(both["models"][1]["layers"].size(), 3u);
  auto const all = lines_of(scratch / "all");
  ASSERT_EQ(all.size(), 1u + 2 + 3 + 1);
  EXPECT_EQ(all[0], "model," + one[0]);
  EXPECT_EQ(all[1], tost + "," + one[1]);
  auto const picture = content_of(scratch / "all/layers.svg");
  for (auto const& name : {"tost, " + tost, "crate, " + crate, "tost_causal, " + causal})
    EXPECT_NE(picture.find(name), picture.npos) << name;
  EXPECT_EQ(krate({"analyze", "layers", tost, crate, "--data", data, "-o", scratch / "same"}).exit_code, 0);
  expect_failure(krate({"analyze", "layers", tost, crate, causal, "--data", data, "--data", text, "-o", scratch / "x"}),
                 "--data = 2, but it must be one file for all models, or one for each");
  EXPECT_FALSE(scratch.holds("x"));
}

TEST_F(TostCommand, ResumingGivesTheBitsOfTheUninterruptedRun) {
  ASSERT_EQ(krate(train(run, {"--checkpoint-every", "20"})).exit_code, 0);
  std::string const part = scratch / "part";
  std::filesystem::copy(run, part, std::filesystem::copy_options::recursive);
  for (auto const* file : {"/model.h5", "/summary.json", "/checkpoints/step-00000030.h5"})
    std::filesystem::remove(part + file);
  EXPECT_EQ(json_of(krate({"resume", part, "--json"}))["resumed_from"], 20);
  for (auto const* name : {"/model/stem/00/norm/collected_variance", "/model/class_token"})
    EXPECT_EQ(io::File::open(part + "/model.h5").read_all(name), io::File::open(run + "/model.h5").read_all(name));
}

TEST_F(TostCommand, SaysWhatDoesNotGoTogether) {
  expect_failure(krate(train(run, {"--eta", "0.1"})), "--eta");
  expect_failure(krate(train(run, {"--pool", "mean"})), "--pool");
  expect_failure(krate(train(run, {"--dim-head", "4"})), "--dim-head");
  expect_failure(krate(train(run, {"--precision", "bf16"})), "not built yet for this model");
  Words words = train(run);
  words[12] = "3";
  expect_failure(krate(words), "patch_size = 3");
  EXPECT_FALSE(std::filesystem::exists(run));
}

#ifdef KRATE_MPIEXEC  // a build without MPI has no ranks to test
TEST_F(TostCommand, BatchNormSeesTheBatchesOfAllRanks) {
  auto const one = json_of(krate(train(run, {"--precision", "fp64", "--json"}))),
             two = json_of(krate_ranks(2, train(scratch / "two", {"--precision", "fp64", "--json"})));
  EXPECT_NEAR(two["train_loss"].get<double>(), one["train_loss"].get<double>(), 1e-9);
  EXPECT_NEAR(two["test_loss"].get<double>(), one["test_loss"].get<double>(), 1e-9);
}
#endif

TEST_F(TostCommand, ItsStepIsMeasured) {
  for (std::string const what : {"step", "infer"}) {
    auto const measured =
        json_of(krate({"bench",     what, "--model",      "tost", "--dim",        "16", "--depth",    "1",
                       "--heads",   "2",  "--image-size", "8",    "--patch-size", "4",  "--channels", "1",
                       "--classes", "4",  "--batch",      "4",    "--repeat",     "1",  "--json"}));
    EXPECT_GT(measured["flops"].get<double>(), 0) << what;
  }
}

}  // namespace
}  // namespace krate::testing
