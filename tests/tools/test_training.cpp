// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate train, resume, eval, predict and analyze, as scripts call them.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "command.hpp"
#include "krate/io/hdf5.hpp"

namespace krate::testing {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

/// Digits and a model that trains in a second.
struct Training : ::testing::Test {
  Scratch scratch;
  std::string const data = scratch / "digits.h5", run = scratch / "run";
  void SetUp() override { ASSERT_EQ(krate({"data", "digits", "-o", data}).exit_code, 0); }

  /// The arguments of a short run; those in `more` take the place of the defaults.
  Words train(std::string const& where, Words const& more = {}) const {
    Words const defaults{"--model", "crate",     "--data",  data,      "--dim",
                         "16",      "--depth",   "2",       "--heads", "2",
                         "--steps", "30",        "--batch", "128",     "--checkpoint-every",
                         "1",       "--augment", "shift1"};
    Words words{"train", "-o", where};
    for (std::size_t i = 0; i < defaults.size(); i += 2)
      if (std::find(more.begin(), more.end(), defaults[i]) == more.end())
        words.insert(words.end(), {defaults[i], defaults[i + 1]});
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  static std::vector<std::vector<double>> parameters(std::string const& file) {
    auto const h5 = io::File::open(file);
    std::vector<std::vector<double>> all;
    for (auto const* name :
         {"/model/class_token", "/model/blocks/00/mssa/projection", "/model/blocks/01/ista/dictionary",
          "/model/head/linear/weight", "/model/position_embedding"})
      all.push_back(h5.read_all<double>(name));
    return all;
  }
  static std::vector<std::vector<std::string>> rows(std::string const& csv) {
    std::vector<std::vector<std::string>> all;
    std::istringstream in(content_of(csv));
    for (std::string line; std::getline(in, line);) {
      all.emplace_back();
      std::istringstream cells(line);
      for (std::string cell; std::getline(cells, cell, ',');) all.back().push_back(cell);
    }
    return all;
  }
};

TEST_F(Training, ARunHasEverythingThatTheContractNames) {
  auto const summary = json_of(krate(train(run, {"--json"})));
  for (auto const* key : {"model", "parameters", "ranks", "threads", "steps", "train_loss", "test_loss",
                          "test_accuracy", "seconds", "seconds_waiting_for_data", "peak_bytes", "resumed_from"})
    EXPECT_TRUE(summary.contains(key)) << key;
  EXPECT_EQ(summary["steps"], 30);
  EXPECT_TRUE(summary["resumed_from"].is_null());
  EXPECT_EQ(nlohmann::json::parse(content_of(run + "/summary.json")), summary);
  auto const metrics = rows(run + "/metrics.csv");
  EXPECT_EQ(content_of(run + "/metrics.csv").substr(0, 86),
            "step,epoch,split,loss,accuracy,learning_rate,gradient_norm,samples_per_second,seconds\n");
  EXPECT_EQ(std::count_if(metrics.begin(), metrics.end(), [](auto const& r) { return r[2] == "train"; }), 30);
  EXPECT_EQ(std::count_if(metrics.begin(), metrics.end(), [](auto const& r) { return r[2] == "test"; }), 3);
  EXPECT_TRUE(fs::exists(run + "/checkpoints/step-00000030.h5"));
  EXPECT_NE(content_of(run + "/config.toml").find("weight_decay = 0.05"), std::string::npos);

  auto const found = json_of(krate({"eval", run + "/model.h5", "--data", data, "--json"}));
  EXPECT_EQ(found["samples"], 360);
  EXPECT_NEAR(found["loss"].get<double>(), summary["test_loss"].get<double>(), 1e-5);
  EXPECT_EQ(found["accuracy"], summary["test_accuracy"]);
  EXPECT_EQ(json_of(krate({"eval", run + "/checkpoints/step-00000030.h5", "--data", data, "--split", "all",
                           "--json"}))["samples"],
            1797);

  auto const before = content_of(run + "/metrics.csv");
  EXPECT_EQ(krate({"resume", run}).exit_code, 0);
  EXPECT_EQ(content_of(run + "/metrics.csv"), before);
}

TEST_F(Training, ImagesAreChangedInSeveralWays) {
  std::set<double> losses;
  for (auto const* how : {"none", "shift1", "flip", "crop", "crop+flip", "flip+crop+shift2"}) {
    auto const summary = json_of(krate(train(scratch / how, {"--augment", how, "--json"})));
    losses.insert(summary["train_loss"].get<double>());
    EXPECT_LT(summary["seconds_waiting_for_data"].get<double>(), summary["seconds"].get<double>());
  }
  EXPECT_EQ(losses.size(), 6u);
  for (auto const& [how, what] : {std::pair{"shift1+shift2", "shift2 stands"},
                                  {"crop+", "a word is missing"},
                                  {"rotate", "rotate stands"},
                                  {"crop+windows", "windows stands"}}) {
    expect_failure(krate(train(run, {"--augment", how})), what);
  }
  expect_failure(krate(train(run, {"--augment", "windows"})), "--augment windows means nothing to the model crate");
}

TEST_F(Training, PredictionsAndAnalysesHaveTheirShapes) {
  ASSERT_EQ(krate(train(run)).exit_code, 0);
  ASSERT_EQ(krate({"predict", run + "/model.h5", "--data", data, "-o", scratch / "out.h5"}).exit_code, 0);
  auto const out = io::File::open(scratch / "out.h5");
  EXPECT_EQ(out.info("/logits").shape, (std::vector<std::size_t>{1797, 10}));
  EXPECT_EQ(out.info("/features").shape, (std::vector<std::size_t>{1797, 16}));
  ASSERT_EQ(krate({"analyze", "layers", run + "/model.h5", "--data", data, "-o", scratch / "look"}).exit_code, 0);
  auto const layers = rows(scratch / "look/layers.csv");
  ASSERT_EQ(layers.size(), 3u);
  EXPECT_EQ(layers[0], (Words{"layer", "coding_rate", "coding_rate_std", "density", "density_std"}));
  EXPECT_GT(std::stod(layers[1][1]), 0);
  ASSERT_EQ(krate({"analyze", "attention", run + "/model.h5", "--data", data, "-o", scratch / "look"}).exit_code, 0);
  auto const maps = io::File::open(scratch / "look/attention.h5");
  EXPECT_EQ(maps.info("/maps").shape, (std::vector<std::size_t>{360, 2, 2, 2}));
  for (double const a : maps.read_all<double>("/maps")) EXPECT_TRUE(a > 0 && a < 1);
  EXPECT_TRUE(scratch.holds("look/attention.png"));
  // The rate of what predict wrote.
  EXPECT_EQ(
      json_of(krate({"rate", scratch / "out.h5", "--features", "/features", "--eps-squared", "0.5", "--json"}))["dim"],
      16);
}

TEST_F(Training, KilledAtAnyMomentItResumesToTheSameBits) {
  ASSERT_EQ(krate(train(run)).exit_code, 0);
  std::string const killed = scratch / "killed";
  std::string start = command_path();
  for (auto const& word : train(killed)) start += " " + word;
  int tries = 0;
  for (; tries < 60 && !fs::exists(killed + "/summary.json"); ++tries) {
    bool const begun = fs::exists(killed + "/checkpoints") && !fs::is_empty(killed + "/checkpoints");
    if (!begun) fs::remove_all(killed);  // killed before the first checkpoint: there is nothing to go on from
    // Each time a little longer, so that the end is reached on any machine.
    std::string const limit = "timeout -s KILL " + std::to_string(0.2 + 0.07 * tries) + " ";
    (void)!std::system((limit + (begun ? command_path() + " resume " + killed : start) + " > /dev/null 2>&1").c_str());
  }
  EXPECT_GE(tries, 2) << "it was never interrupted";
  ASSERT_TRUE(fs::exists(killed + "/summary.json"));
  EXPECT_EQ(parameters(killed + "/model.h5"), parameters(run + "/model.h5"));
  auto const a = rows(killed + "/metrics.csv"), b = rows(run + "/metrics.csv");
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 1; i < a.size(); ++i)
    for (std::size_t cell = 0; cell < 7 && cell < a[i].size(); ++cell) EXPECT_EQ(a[i][cell], b[i][cell]) << "row " << i;
}

TEST_F(Training, ASignalWritesACheckpointFirst) {
  std::string command = command_path();
  for (auto const& word : train(run, {"--steps", "1000000"})) command += " " + word;
  command += " > /dev/null 2> " + scratch / "err" + " & ";
  command += "while ! test -e " + run + "/checkpoints/step-*1.h5; do sleep 0.02; done; kill -TERM $!; wait $!";
  EXPECT_NE(std::system(command.c_str()), 0);
  EXPECT_EQ(own_lines(content_of(scratch / "err")).size(), 1u);
  EXPECT_NE(content_of(scratch / "err").find("continue with krate resume"), std::string::npos);
  EXPECT_FALSE(fs::is_empty(run + "/checkpoints"));
  EXPECT_FALSE(fs::exists(run + "/model.h5"));
}

#ifdef KRATE_MPIEXEC  // a build without MPI has no ranks to test
TEST_F(Training, TwoRanksTrainTheSameModel) {
  ASSERT_EQ(krate(train(run, {"--precision", "fp64"})).exit_code, 0);
  ASSERT_EQ(krate_ranks(2, train(scratch / "two", {"--precision", "fp64"})).exit_code, 0);
  auto const one = rows(run + "/metrics.csv"), two = rows(scratch / "two/metrics.csv");
  ASSERT_EQ(one.size(), two.size());
  for (std::size_t i = 1; i < one.size(); ++i)
    EXPECT_NEAR(std::stod(two[i][3]), std::stod(one[i][3]), (i < 20 ? 1e-12 : 1e-9) * std::stod(one[i][3]))
        << "row " << i;
  auto const a = json_of(krate({"eval", run + "/model.h5", "--data", data, "--json"}));
  auto const b = json_of(krate_ranks(2, {"eval", run + "/model.h5", "--data", data, "--json"}));
  EXPECT_NEAR(a["loss"].get<double>(), b["loss"].get<double>(), 1e-12);
}
#endif

TEST_F(Training, RecomputingTrainsTheSameModel) {
  ASSERT_EQ(krate(train(run)).exit_code, 0);
  ASSERT_EQ(krate(train(scratch / "less", {"--recompute"})).exit_code, 0);
  EXPECT_EQ(parameters(run + "/model.h5"), parameters(scratch / "less/model.h5"));
}

TEST_F(Training, ProductsInBfloat16TrainNearlyTheSame) {
  Words const low{"--precision", "bf16"};
  ASSERT_EQ(krate(train(run)).exit_code, 0);
  ASSERT_EQ(krate(train(scratch / "low", low)).exit_code, 0);
  auto const full = rows(run + "/metrics.csv"), half = rows(scratch / "low/metrics.csv");
  ASSERT_EQ(full.size(), half.size());
  bool same = true;
  for (std::size_t i = 1; i < full.size(); ++i) {
    EXPECT_NEAR(std::stod(half[i][3]), std::stod(full[i][3]), 0.05 * std::stod(full[i][3])) << "row " << i;
    same = same && half[i][3] == full[i][3];
  }
  EXPECT_FALSE(same);
}

TEST_F(Training, AFullRunDirectoryIsNotTouched) {
  fs::create_directories(run);
  { std::ofstream(run + "/precious.txt") << "data"; }
  expect_failure(krate(train(run)), "is not empty");
  EXPECT_EQ(content_of(run + "/precious.txt"), "data");
  EXPECT_EQ(std::distance(fs::directory_iterator(run), fs::directory_iterator()), 1);
}

}  // namespace
}  // namespace krate::testing
