// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The models csc_ctrl and ctrl in krate train, resume, eval and predict.
#include <filesystem>
#include <sstream>

#include "command.hpp"
#include "krate/io/checkpoint.hpp"
#include "krate/io/dataset.hpp"

namespace krate::testing {
namespace {

struct ClosedLoopCommand : ::testing::Test {
  Scratch scratch;
  std::string const data = scratch / "digits.h5", run = scratch / "run", model = run + "/model.h5";
  void SetUp() override { ASSERT_EQ(krate({"data", "digits", "-o", data}).exit_code, 0); }

  std::vector<std::string> train(std::string const& name, std::string const& to,
                                 std::vector<std::string> const& more = {}) const {
    std::vector<std::string> words{"train", "--model", name, "--data", data,      "--width", "4",
                                   "--dim", "20",      "-o", to,       "--batch", "96"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  static std::string without_times(std::string const& csv) {
    std::istringstream in(csv);
    std::string line, kept;
    while (std::getline(in, line)) {
      for (int cell = 0; cell < 2; ++cell) line.resize(line.rfind(','));
      kept += line + "\n";
    }
    return kept;
  }
};

TEST_F(ClosedLoopCommand, ARunAndWhatOtherCommandsMakeOfIt) {
  for (std::string const name : {"csc_ctrl", "ctrl"}) {
    std::string const to = scratch / name;
    auto const summary = json_of(krate(train(name, to, {"--steps", "6", "--json"})));
    EXPECT_EQ(summary["model"], name);
    EXPECT_EQ(summary["steps"], 6);
    EXPECT_NEAR(summary["train_loss"].get<double>(),
                -(summary["rate_reduction"].get<double>() + summary["rate_reduction_regenerated"].get<double>() +
                  summary["distance"].get<double>()),
                1e-12);
    std::istringstream csv(content_of(to + "/game.csv"));
    std::string line;
    std::getline(csv, line);
    EXPECT_EQ(line, "step,rate_reduction,rate_reduction_regenerated,distance");
    int rows = 0;
    while (std::getline(csv, line)) ++rows;
    EXPECT_EQ(rows, 6);

    auto const found = json_of(krate({"eval", to + "/model.h5", "--data", data, "--json"}));
    EXPECT_NEAR(found["loss"].get<double>(), summary["test_loss"].get<double>(), 1e-6);  // other batches
    EXPECT_NEAR(found["accuracy"].get<double>(), summary["test_accuracy"].get<double>(), 0.01);

    ASSERT_EQ(krate({"predict", to + "/model.h5", "--data", data, "-o", scratch / "out.h5"}).exit_code, 0);
    auto const out = io::File::open(scratch / "out.h5");
    EXPECT_EQ(out.info("/features").shape, (std::vector<std::size_t>{1797, 20}));
    EXPECT_EQ(out.info("/reconstruction").shape, (std::vector<std::size_t>{1797, 1, 8, 8}));
    auto const features = out.read_all<float>("/features"), back = out.read_all<float>("/reconstruction");
    for (float const v : back) ASSERT_TRUE(v >= 0 && v <= 1);
    io::write_dataset(scratch / "codes.h5", {}, {.sample_shape = {20}, .samples = std::span<float const>(features)});
    ASSERT_EQ(
        krate({"predict", to + "/model.h5", "--data", scratch / "codes.h5", "--decode", "-o", scratch / "decoded.h5"})
            .exit_code,
        0);
    EXPECT_EQ(io::File::open(scratch / "decoded.h5").read_all<float>("/reconstruction"), back);
    EXPECT_EQ(krate({"resume", to}).exit_code, 0);  // finished
  }
}

TEST_F(ClosedLoopCommand, ResumesToTheBitsOfTheUninterruptedRun) {
  std::vector<std::string> const more{"--steps", "9", "--checkpoint-every", "4", "--lambda", "0.01"};
  ASSERT_EQ(krate(train("csc_ctrl", run, more)).exit_code, 0);
  auto const tensor = [&](char const* name) { return io::File::open(model).read_all<float>(name); };
  auto const encoder = tensor("/model/encoder/00/dictionary"), decoder = tensor("/model/decoder/00/dictionary"),
             collected = tensor("/model/decoder/01/norm/variance");
  auto const game = content_of(run + "/game.csv"), metrics = without_times(content_of(run + "/metrics.csv"));
  std::filesystem::remove(model);
  std::filesystem::remove(run + "/summary.json");
  std::filesystem::remove(run + "/checkpoints/" + io::checkpoint_name(9));
  auto const summary = json_of(krate({"resume", run, "--json"}));
  EXPECT_EQ(summary["resumed_from"], 8);
  EXPECT_EQ(tensor("/model/encoder/00/dictionary"), encoder);
  EXPECT_EQ(tensor("/model/decoder/00/dictionary"), decoder);
  EXPECT_EQ(tensor("/model/decoder/01/norm/variance"), collected);
  EXPECT_EQ(content_of(run + "/game.csv"), game);
  EXPECT_EQ(without_times(content_of(run + "/metrics.csv")), metrics);
}

// An epoch ends with what is left: here one sample, which three of four ranks have not.
TEST_F(ClosedLoopCommand, TheLastShortBatchIsUsed) {
  auto const about = io::Dataset::open(data).description();
  std::size_t const samples = about.indices(io::Subset::train).size(), batch = (samples - 1) / 4;
  ASSERT_EQ(samples, 4 * batch + 1);
  std::vector<std::string> const more{"--epochs",    "2",    "--batch", std::to_string(batch),
                                      "--precision", "fp64", "--json"};
  auto const words = [&](std::string const& to) {
    std::vector<std::string> all{"train", "--model", "csc_ctrl", "--data", data, "--width",
                                 "4",     "--dim",   "20",       "-o",     to};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  auto const one = json_of(krate(words(run)));
  EXPECT_EQ(one["steps"], 10);
  std::istringstream csv(content_of(run + "/game.csv"));
  std::string line;
  std::vector<double> expansion;
  while (std::getline(csv, line)) expansion.push_back(std::strtod(line.substr(line.find(',') + 1).c_str(), nullptr));
  ASSERT_EQ(expansion.size(), 11u);
  for (std::size_t step = 1; step <= 10; ++step)  // one sample has the rate of its class
    EXPECT_TRUE(step % 5 == 0 ? std::abs(expansion[step]) < 1e-12 : expansion[step] > 1) << step;
#ifdef KRATE_MPIEXEC
  for (int const ranks : {2, 4}) {
    auto const several = json_of(krate_ranks(ranks, words(run + std::to_string(ranks))));
    for (auto const* key : {"train_loss", "test_loss"})
      EXPECT_NEAR(several[key].get<double>(), one[key].get<double>(), 1e-8 * std::abs(one[key].get<double>())) << key;
  }
#endif
}

#ifdef KRATE_MPIEXEC
TEST_F(ClosedLoopCommand, RanksAgree) {
  auto const more = std::vector<std::string>{"--steps", "3", "--precision", "fp64", "--json"};
  auto const one = json_of(krate(train("csc_ctrl", run, more)));
  for (int const ranks : {2, 4}) {
    auto const outcome = krate_ranks(ranks, train("csc_ctrl", run + std::to_string(ranks), more));
    auto const several = json_of(outcome);
    for (auto const* key : {"train_loss", "rate_reduction", "distance", "test_loss"})
      EXPECT_NEAR(several[key].get<double>(), one[key].get<double>(), 1e-9 * std::abs(one[key].get<double>())) << key;
    EXPECT_EQ(several["test_accuracy"], one["test_accuracy"]);
  }
}
#endif

TEST_F(ClosedLoopCommand, Refusals) {
  expect_failure(krate(train("ctrl", run, {"--lambda", "0.1"})), "--lambda");
  expect_failure(krate(train("csc_ctrl", run, {"--heads", "2"})), "--heads");
  expect_failure(krate(train("csc_ctrl", run, {"--weight-decay", "0.1"})), "--weight-decay");
  expect_failure(krate(train("csc_ctrl", run, {"--precision", "bf16"})), "--precision bf16 is not built yet");
  expect_failure(krate(train("csc_ctrl", run, {"--steps", "2", "--epochs", "2"})), "--steps and --epochs");
  expect_failure(krate({"train", "--model", "crate", "--data", data, "--game", "binary", "-o", run}), "--game");
  std::vector<float> bright(2 * 64, 0.5F);
  bright[64] = 1.5F;
  std::vector<std::int32_t> const labels{0, 1};
  io::write_dataset(scratch / "bright.h5", {},
                    {.kind = io::SampleKind::images,
                     .sample_shape = {1, 8, 8},
                     .samples = std::span<float const>(bright),
                     .labels = labels,
                     .classes = 2});
  expect_failure(krate({"train", "--model", "ctrl", "--data", scratch / "bright.h5", "-o", run}),
                 "sample 1 has the value 1.5, but this model makes images in [0, 1]");
  EXPECT_FALSE(scratch.holds("run"));
  ASSERT_EQ(krate(train("ctrl", run, {"--steps", "1"})).exit_code, 0);
  expect_failure(krate({"predict", model, "--data", data, "--lambda", "1", "-o", scratch / "o.h5"}),
                 "--lambda means nothing for a ctrl");
  expect_failure(krate({"predict", model, "--data", data, "--decode", "-o", scratch / "o.h5"}),
                 "have 64 numbers, but the model's features 20");
}

}  // namespace
}  // namespace krate::testing
