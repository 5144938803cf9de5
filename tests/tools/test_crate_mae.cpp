// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// CRATE-MAE by the command: trained without labels, evaluated, exchanged.
#include <algorithm>
#include <cmath>

#include "command.hpp"
#include "krate/io/hdf5.hpp"

namespace krate::testing {
namespace {

using Words = std::vector<std::string>;

struct CrateMaeCommand : ::testing::Test {
  Scratch scratch;
  std::string const data = scratch / "digits.h5", run = scratch / "run";
  void SetUp() override { ASSERT_EQ(krate({"data", "digits", "-o", data}).exit_code, 0); }

  /// The arguments of a short run; those in `more` take the place of the defaults.
  Words train(std::string const& where, Words const& more = {}) const {
    Words const defaults{"--model", "crate_mae", "--data",  data,  "--dim",        "16",    "--depth",         "1",
                         "--heads", "2",         "--batch", "128", "--patch-size", "2",     "--learning-rate", "1e-2",
                         "--steps", "24",        "--clip",  "0",   "--augment",    "shift1"};
    Words words{"train", "-o", where};
    for (std::size_t i = 0; i < defaults.size(); i += 2)
      if (std::find(more.begin(), more.end(), defaults[i]) == more.end())
        words.insert(words.end(), {defaults[i], defaults[i + 1]});
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
};

TEST_F(CrateMaeCommand, SaysHowFarItsDecoderUndoesItsEncoder) {
  ASSERT_EQ(krate(train(run, {"--depth", "2"})).exit_code, 0);
  auto const analyze = [&](std::string const& model) {
    return krate({"analyze", "inversion", model, "--data", data, "-o", scratch / "look", "--json"});
  };
  auto const found = json_of(analyze(run + "/model.h5"))["layers"];
  ASSERT_EQ(found.size(), 6u);  // three, before and after
  for (auto const& layer : found) {
    EXPECT_GT(layer["relative_error"].get<double>(), 0);
    EXPECT_LE(std::abs(layer["cosine"].get<double>()), 1);
  }
  EXPECT_EQ(found[5]["state"], "trained");
  EXPECT_EQ(found[5]["layer"], 2);
  auto const table = content_of(scratch / "look/inversion.csv");
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 1 + 6);
  EXPECT_TRUE(scratch.holds("look/inversion.svg"));
  ASSERT_EQ(krate(train(scratch / "uneven", {"--decoder-depth", "2"})).exit_code, 0);
  expect_failure(analyze(scratch / "uneven/model.h5"), "must be the encoder's depth, 1");
}

TEST_F(CrateMaeCommand, LearnsToPredictWhatItDoesNotSee) {
  auto const summary = json_of(krate(train(run, {"--json"})));
  EXPECT_EQ(summary["model"], "crate_mae");
  EXPECT_TRUE(summary["test_accuracy"].is_null());
  auto const early = json_of(krate(train(scratch / "early", {"--steps", "1", "--json"})));
  EXPECT_LT(summary["test_loss"].get<double>(), 0.8 * early["test_loss"].get<double>());
  auto const found = json_of(krate({"eval", run + "/model.h5", "--data", data, "--json"}));
  EXPECT_NEAR(found["loss"].get<double>(), summary["test_loss"].get<double>(), 1e-5);
  EXPECT_FALSE(found.contains("accuracy"));
  auto const config = io::File::open(run + "/model.h5").attributes("/config");
  EXPECT_EQ(config.get<double>("lambda"), 0.5);
  EXPECT_EQ(config.get<std::int64_t>("decoder_depth"), 1);
  // Into the authors' names and back.
  ASSERT_EQ(krate({"export", run + "/model.h5", "-o", scratch / "m.safetensors"}).exit_code, 0);
  ASSERT_EQ(krate({"import", scratch / "m.safetensors", "--family", "crate_mae", "-o", scratch / "back.h5"}).exit_code,
            0);
  EXPECT_EQ(json_of(krate({"eval", scratch / "back.h5", "--data", data, "--json"})), found);
  // Its encoder is looked at, with all patches.
  for (std::string const what : {"layers", "attention"})
    EXPECT_EQ(krate({"analyze", what, run + "/model.h5", "--data", data, "-o", scratch / "look"}).exit_code, 0) << what;
  auto const layers = content_of(scratch / "look/layers.csv");
  EXPECT_EQ(std::count(layers.begin(), layers.end(), '\n'), 1 + 1);
  EXPECT_EQ(io::File::open(scratch / "look/attention.h5").info("/maps").shape,
            (std::vector<std::size_t>{360, 2, 4, 4}));
  // What no optimizer may move.
  auto const start = io::File::open(scratch / "early/model.h5"), end = io::File::open(run + "/model.h5");
  for (auto const* name : {"/model/positions", "/model/encoder_positions", "/model/decoder_embedding/weight"})
    EXPECT_EQ(start.read_all<double>(name), end.read_all<double>(name)) << name;
  EXPECT_NE(start.read_all<double>("/model/mask_token"), end.read_all<double>("/model/mask_token"));
}

TEST_F(CrateMaeCommand, ItsPassesAreMeasured) {
  for (std::string const what : {"step", "infer"}) {
    auto const measured =
        json_of(krate({"bench",   what, "--model",      "crate_mae", "--dim",        "16", "--depth",    "1",
                       "--heads", "2",  "--image-size", "8",         "--patch-size", "4",  "--channels", "1",
                       "--batch", "4",  "--repeat",     "1",         "--json"}));
    EXPECT_GT(measured["flops"].get<double>(), 0) << what;
  }
}

TEST_F(CrateMaeCommand, PredictsFeaturesAndImages) {
  ASSERT_EQ(krate(train(run, {"--steps", "120", "--mask-ratio", "0.9", "--clip", "1", "--augment", "none"})).exit_code,
            0);
  auto const predict = [&](std::string const& to, Words const& more) {
    Words words{"predict", run + "/model.h5", "--data", data, "-o", scratch / to};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  };
  auto const read = [&](std::string const& file, std::string const& what) {
    return io::File::open(scratch / file).read_all<double>(what);
  };
  ASSERT_EQ(json_of(krate(predict("seen.h5", {"--json"})))["samples"], 1797);
  auto const file = io::File::open(scratch / "seen.h5");
  EXPECT_EQ(file.info("/features").shape, (std::vector<std::size_t>{1797, 16}));
  EXPECT_EQ(file.info("/reconstruction").shape, (std::vector<std::size_t>{1797, 1, 8, 8}));

  // Where nothing is seen, nothing differs, and the best guess has the look of the mean image.
  ASSERT_EQ(krate(predict("unseen.h5", {"--mask-ratio", "1"})).exit_code, 0);
  auto const guess = read("unseen.h5", "/reconstruction"),
             images = io::File::open(data).read_all<double>("/samples/images");
  std::vector<double> mean(64);
  for (std::size_t i = 0; i < images.size(); ++i) mean[i % 64] += images[i];
  double xy = 0, xx = 0, yy = 0, x = 0, y = 0;
  for (std::size_t i = 0; i < 64; ++i) {
    x += mean[i] / 64;
    y += guess[i] / 64;
  }
  for (std::size_t i = 0; i < 64; ++i) {
    xy += (mean[i] - x) * (guess[i] - y);
    xx += (mean[i] - x) * (mean[i] - x);
    yy += (guess[i] - y) * (guess[i] - y);
    EXPECT_NEAR(guess[64 * 1796 + i], guess[i], 1e-5);
  }
  EXPECT_GT(xy / std::sqrt(xx * yy), 0.8);

  // Masks hang on the sample, not on its batch or rank.
  ASSERT_EQ(krate(predict("half.h5", {"--mask-ratio", "0.5"})).exit_code, 0);
  ASSERT_EQ(krate(predict("small.h5", {"--mask-ratio", "0.5", "--batch", "50"})).exit_code, 0);
  auto const half = read("half.h5", "/features"), small = read("small.h5", "/features"),
             seen = read("seen.h5", "/features");
  double apart = 0, moved = 0;
  for (std::size_t i = 0; i < half.size(); ++i) {
    apart = std::max(apart, std::abs(half[i] - small[i]));
    moved = std::max(moved, std::abs(half[i] - seen[i]));
  }
  EXPECT_LT(apart, 1e-5);
  EXPECT_GT(moved, 1e-3);
  if (krate_ranks(2, {"info", "--json"}).exit_code == 0) {
    ASSERT_EQ(krate_ranks(2, predict("two.h5", {"--mask-ratio", "0.5"})).exit_code, 0);
    auto const two = read("two.h5", "/features");
    for (std::size_t i = 0; i < half.size(); i += 97) EXPECT_NEAR(two[i], half[i], 1e-4);
  }
  expect_failure(krate(predict("bad.h5", {"--mask-ratio", "1.5"})), "--mask-ratio");
  ASSERT_EQ(krate({"train", "--model", "mlp", "--data", data, "--steps", "1", "-o", scratch / "mlp"}).exit_code, 0);
  expect_failure(
      krate({"predict", scratch / "mlp/model.h5", "--data", data, "-o", scratch / "x.h5", "--mask-ratio", "0"}),
      "--mask-ratio means nothing for a mlp");
  EXPECT_FALSE(scratch.holds("x.h5") || scratch.holds("bad.h5"));
}

TEST_F(CrateMaeCommand, ResumesToTheSameBits) {
  ASSERT_EQ(krate(train(run, {"--checkpoint-every", "10"})).exit_code, 0);
  auto const whole = io::File::open(run + "/model.h5").read_all<double>("/model/prediction/weight");
  for (auto const* file : {"/model.h5", "/summary.json", "/checkpoints/step-00000024.h5"})
    std::filesystem::remove(run + file);
  ASSERT_EQ(krate({"resume", run}).exit_code, 0);
  EXPECT_EQ(io::File::open(run + "/model.h5").read_all<double>("/model/prediction/weight"), whole);
}

#ifdef KRATE_MPIEXEC  // a build without MPI has no ranks to test
TEST_F(CrateMaeCommand, TwoRanksTrainTheSameModel) {
  auto const one = json_of(krate(train(run, {"--precision", "fp64", "--json"})));
  ASSERT_EQ(krate_ranks(2, train(scratch / "two", {"--precision", "fp64"})).exit_code, 0);
  auto const two = nlohmann::json::parse(content_of(scratch / "two/summary.json"));
  for (auto const* loss : {"train_loss", "test_loss"})
    EXPECT_NEAR(two[loss].get<double>(), one[loss].get<double>(), 1e-10 * one[loss].get<double>()) << loss;
}
#endif

TEST_F(CrateMaeCommand, OptionsOfOtherModelsAreRefused) {
  expect_failure(krate(train(run, {"--label-smoothing", "0.1"})), "--label-smoothing");
  expect_failure(krate(train(run, {"--classes", "10"})), "--classes");
  expect_failure(krate(train(run, {"--pool", "mean"})), "--pool");
  expect_failure(krate({"train", "--model", "crate", "--data", data, "--mask-ratio", "0.5", "-o", run}),
                 "--mask-ratio");
  expect_failure(krate(train(run, {"--mask-ratio", "1.5"})), "--mask-ratio");
  auto const low = krate(train(run, {"--norm-pix-loss", "--decoder-depth", "2", "--precision", "bf16", "--json"}));
  EXPECT_EQ(low.exit_code, 0) << low.err;
}

}  // namespace
}  // namespace krate::testing
