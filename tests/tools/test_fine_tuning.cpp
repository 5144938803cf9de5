// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate train --from: other classes, other images, a masked autoencoder's encoder; layer-wise rates.
#include <algorithm>
#include <cmath>

#include "command.hpp"
#include "krate/io/dataset.hpp"
#include "krate/io/hdf5.hpp"

namespace krate::testing {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

std::vector<double> tensor(std::string const& file, std::string const& name) {
  return io::File::open(file).read_all<double>("/model/" + name);
}

/// Images of `side` x `side` pixels in `classes` classes: a bright stripe in one of as many rows.
std::string stripes(Scratch const& scratch, std::string const& name, std::size_t side, std::size_t classes) {
  std::size_t const count = 48;
  std::vector<float> pixels(count * side * side);
  std::vector<Label> labels(count);
  for (std::size_t i = 0; i < count; ++i) {
    labels[i] = static_cast<Label>(i % classes);
    for (std::size_t x = 0; x < side; ++x)
      pixels[(i * side + i % classes * side / classes) * side + x] = static_cast<float>(1 + (x + i) % 3);
  }
  io::DatasetContents contents;
  contents.kind = io::SampleKind::images;
  contents.sample_shape = {1, side, side};
  contents.samples = std::span<float const>(pixels);
  contents.labels = labels;
  io::write_dataset(scratch / name, {}, contents);
  return scratch / name;
}

struct FineTuning : ::testing::Test {
  Scratch scratch;
  std::string const run = scratch / "run", tuned = scratch / "tuned";

  /// A short run; no network but that of `more`.
  Words train(std::string const& model, std::string const& data, std::string const& where,
              Words const& more = {}) const {
    Words words{"train", "--model", model, "--data", data, "-o", where};
    if (std::find(more.begin(), more.end(), "--batch") == more.end()) words.insert(words.end(), {"--batch", "16"});
    if (std::find(more.begin(), more.end(), "--learning-rate") == more.end())
      words.insert(words.end(), {"--learning-rate", "1e-2"});
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  Words small(Words const& more = {}) const {
    Words words{"--dim", "16", "--depth", "2", "--heads", "2", "--steps", "6"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
};

TEST_F(FineTuning, OtherClassesGetAnotherHead) {
  auto const four = stripes(scratch, "four.h5", 8, 4), two = stripes(scratch, "two.h5", 8, 2);
  ASSERT_EQ(krate(train("crate", four, run, small({"--eta", "0.2"}))).exit_code, 0);
  // No step moves a parameter at a rate of nearly nothing: what was taken is still there.
  Words const still{"--from", run + "/model.h5", "--steps", "1", "--learning-rate", "1e-60", "--json"};
  auto const summary = json_of(krate(train("crate", two, tuned, still)));
  for (std::string const name : {"position_embedding", "class_token", "patch_embedding/linear/weight",
                                 "blocks/00/mssa/projection", "blocks/01/ista/dictionary"})
    EXPECT_EQ(tensor(tuned + "/model.h5", name), tensor(run + "/model.h5", name)) << name;
  EXPECT_EQ(io::File::open(tuned + "/model.h5").info("/model/head/linear/weight").shape,
            (std::vector<std::size_t>{2, 16}));
  EXPECT_EQ(tensor(tuned + "/model.h5", "head/norm/weight"), std::vector<double>(16, 1));
  EXPECT_EQ(io::File::open(tuned + "/model.h5").attributes("/config").get<double>("eta"), 0.2);
  auto const& from = summary["from"];
  EXPECT_EQ(from["path"], run + "/model.h5");
  EXPECT_EQ(from["model"], "crate");
  EXPECT_EQ(from["taken"], (Words{"position_embedding", "class_token", "patch_embedding", "blocks"}));
  EXPECT_EQ(from["resampled"], Words{});
  EXPECT_EQ(from["fresh"], Words{"head"});
  auto const config = content_of(tuned + "/config.toml");
  for (std::string const line : {"dim = 16\n", "depth = 2\n", "heads = 2\n", "eta = 0.2\n", "classes = 2\n"})
    EXPECT_NE(config.find(line), config.npos) << line;

  auto const said = krate(train("crate", two, scratch / "said", {"--from", run + "/model.h5", "--steps", "1"}));
  EXPECT_NE(said.out.find("taken from " + run + "/model.h5 (crate): position_embedding, class_token, "), said.out.npos);
  EXPECT_NE(said.out.find("initialised anew: head\n"), said.out.npos);
}

TEST_F(FineTuning, ImagesOfAnotherSizeResampleThePositions) {
  auto const eight = stripes(scratch, "8.h5", 8, 4), twelve = stripes(scratch, "12.h5", 12, 4);
  for (std::string const model : {"crate", "crate_alpha", "tost"}) {
    SCOPED_TRACE(model);
    auto const first = scratch / model, second = scratch / (model + "2");
    ASSERT_EQ(krate(train(model, eight, first, small())).exit_code, 0);
    auto const from =
        json_of(krate(train(model, twelve, second, {"--from", first + "/model.h5", "--steps", "2", "--json"})))["from"];
    bool const table = model != "tost";  // whose positions are computed
    EXPECT_EQ(from["resampled"], table ? Words{"position_embedding"} : Words{});
    auto const image =
        io::File::open(second + "/model.h5").attributes("/config").get<std::vector<std::int64_t>>("image_size");
    EXPECT_EQ(image, (std::vector<std::int64_t>{12, 12}));
    EXPECT_EQ(krate({"eval", second + "/model.h5", "--data", twelve}).exit_code, 0);
  }
  // The norm behind the blocks is the encoder's in crate_alpha, and the convolution of other patches is another one.
  auto const other = json_of(krate(
      train("crate_alpha", twelve, scratch / "patches",
            {"--from", scratch / "crate_alpha/model.h5", "--steps", "1", "--patch-size", "3", "--json"})))["from"];
  EXPECT_EQ(other["fresh"], (Words{"patch_embedding/convolution/weight", "head/linear/weight", "head/linear/bias"}));
}

TEST_F(FineTuning, AnEncoderOfAMaskedAutoencoderBecomesAClassifier) {
  auto const data = stripes(scratch, "d.h5", 8, 4);
  ASSERT_EQ(krate(train("crate_mae", data, run, small({"--patch-size", "2"}))).exit_code, 0);
  Words const still{"--from", run + "/model.h5", "--steps", "1", "--learning-rate", "1e-60", "--json"};
  auto const summary = json_of(krate(train("crate", data, tuned, still)));
  auto const mae = run + "/model.h5", crate = tuned + "/model.h5";
  for (auto const& [mine, its] : {std::pair<std::string, std::string>{"position_embedding", "positions"},
                                  {"class_token", "class_token"},
                                  {"patch_embedding/linear/weight", "patch_embedding/convolution/weight"},
                                  {"patch_embedding/linear/bias", "patch_embedding/convolution/bias"},
                                  {"blocks/00/mssa/projection", "blocks/00/mssa/projection"},
                                  {"blocks/01/ista/dictionary", "blocks/01/ista/dictionary"},
                                  {"head/norm/weight", "norm/weight"}})
    EXPECT_EQ(tensor(crate, mine), tensor(mae, its)) << mine;  // one channel: both orders of a patch are the same
  EXPECT_EQ(io::File::open(crate).attributes("/config").get<double>("lambda"), 0.5);
  EXPECT_EQ(summary["from"]["fresh"], (Words{"head/linear/weight", "head/linear/bias"}));
  // It starts from the encoder's features.
  for (auto const& [model, to] : {std::pair{mae, "mae_out.h5"}, {crate, "crate_out.h5"}})
    ASSERT_EQ(krate({"predict", model, "--data", data, "-o", scratch / to}).exit_code, 0);
  auto const its = io::File::open(scratch / "mae_out.h5").read_all<double>("/features"),
             mine = io::File::open(scratch / "crate_out.h5").read_all<double>("/features");
  ASSERT_EQ(mine.size(), its.size());
  for (std::size_t i = 0; i < mine.size(); ++i) ASSERT_NEAR(mine[i], its[i], 1e-4);
  EXPECT_NE(content_of(tuned + "/config.toml").find("patch_embedding = 'linear'\n"), std::string::npos);
  expect_failure(krate(train("crate", data, scratch / "no", {"--from", mae, "--patch-embedding", "normed"})),
                 "--patch-embedding is not that of " + mae);
  // Such a classifier has its names in the authors' files, too, and can go on.
  ASSERT_EQ(krate({"export", crate, "-o", scratch / "m.safetensors"}).exit_code, 0);
  ASSERT_EQ(krate({"import", scratch / "m.safetensors", "--family", "crate", "-o", scratch / "back.h5"}).exit_code, 0);
  EXPECT_EQ(json_of(krate({"eval", scratch / "back.h5", "--data", data, "--json"})),
            json_of(krate({"eval", crate, "--data", data, "--json"})));
  EXPECT_EQ(krate({"resume", tuned}).exit_code, 0);
  EXPECT_EQ(krate(train("crate", data, scratch / "on", {"--from", mae, "--steps", "10"})).exit_code, 0);
}

TEST_F(FineTuning, ResumesToTheSameBits) {
  auto const data = stripes(scratch, "d.h5", 8, 4);
  ASSERT_EQ(krate(train("crate", data, run, small())).exit_code, 0);
  ASSERT_EQ(krate(train("crate", data, tuned,
                        {"--from", run + "/model.h5", "--steps", "9", "--checkpoint-every", "4", "--layer-decay",
                         "0.75", "--srr-weight", "1e-3"}))
                .exit_code,
            0);
  auto const whole = tensor(tuned + "/model.h5", "blocks/00/mssa/projection");
  auto const from = nlohmann::json::parse(content_of(tuned + "/summary.json"))["from"];
  for (auto const* file : {"/model.h5", "/summary.json", "/checkpoints/step-00000009.h5"}) fs::remove(tuned + file);
  fs::remove_all(run);  // not needed any more
  auto const again = json_of(krate({"resume", tuned, "--json"}));
  EXPECT_EQ(again["resumed_from"], 8);
  EXPECT_EQ(again["from"], from);
  EXPECT_EQ(tensor(tuned + "/model.h5", "blocks/00/mssa/projection"), whole);
}

TEST_F(FineTuning, LayersFarFromTheHeadMoveLess) {
  auto const data = stripes(scratch, "d.h5", 8, 4);
  // One step of Adam moves a number by the rate, or not at all.
  auto const step = [&](std::string const& where, std::string const& rate) {
    auto const words = train("crate", data, where,
                             {"--dim", "16", "--depth", "2", "--heads", "2", "--steps", "1", "--warmup", "0",
                              "--weight-decay", "0", "--clip", "0", "--layer-decay", "0.5", "--learning-rate", rate});
    ASSERT_EQ(krate(words).exit_code, 0);
  };
  step(run, "1e-60");
  step(tuned, "1e-2");
  for (auto const& [name, factor] : {std::pair<std::string, double>{"class_token", 0.125},
                                     {"blocks/00/mssa/projection", 0.25},
                                     {"blocks/01/mssa/projection", 0.5},
                                     {"head/linear/weight", 1}}) {
    auto const before = tensor(run + "/model.h5", name), after = tensor(tuned + "/model.h5", name);
    double most = 0;
    for (std::size_t i = 0; i < before.size(); ++i) most = std::max(most, std::abs(after[i] - before[i]));
    EXPECT_NEAR(most, 1e-2 * factor, 1e-5) << name;
  }
}

TEST_F(FineTuning, WhatCannotWorkIsOneLine) {
  auto const data = stripes(scratch, "d.h5", 8, 4);
  ASSERT_EQ(krate(train("tost", data, run, small())).exit_code, 0);
  ASSERT_EQ(krate(train("crate", data, scratch / "crate", small())).exit_code, 0);
  auto const model = scratch / "crate/model.h5";
  expect_failure(krate(train("crate", data, tuned, {"--from", run + "/model.h5"})),
                 "holds a tost, but --model = crate starts from a crate or a crate_mae");
  expect_failure(krate(train("crate_alpha", data, tuned, {"--from", model})), "holds a crate");
  expect_failure(krate(train("crate", data, tuned, {"--from", scratch / "none.h5"})), "none.h5");
  expect_failure(krate(train("crate", data, tuned, {"--from", model, "--dim", "32"})),
                 "--dim is not that of " + model + ", which says it already; remove it");
  expect_failure(krate(train("crate", data, tuned, {"--from", model, "--patch-size", "2"})), "--patch-size");
  expect_failure(krate(train("mlp", data, tuned, {"--from", model})), "--from means nothing to the model mlp");
  expect_failure(krate(train("crate", data, tuned, {"--layer-decay", "1.5"})), "--layer-decay");
  expect_failure(krate(train("crate", stripes(scratch, "6.h5", 6, 2), tuned, {"--from", model})), "must divide");
  expect_failure(krate(train("crate", data, tuned, {"--from", model, "--size", "tiny"})), "--size means nothing");
  EXPECT_FALSE(scratch.holds("tuned"));
  // The same value is no contradiction.
  EXPECT_EQ(krate(train("crate", data, tuned, {"--from", model, "--dim", "16", "--steps", "1"})).exit_code, 0);
}

#ifdef KRATE_MPIEXEC  // a build without MPI has no ranks to test
TEST_F(FineTuning, TwoRanksTuneTheSameModel) {
  auto const data = stripes(scratch, "d.h5", 8, 4);
  ASSERT_EQ(krate(train("crate", data, run, small())).exit_code, 0);
  Words const more{"--from", run + "/model.h5", "--steps", "6",     "--precision", "fp64", "--srr-weight",
                   "1e-3",   "--layer-decay",   "0.75",    "--json"};
  auto const one = json_of(krate(train("crate", data, tuned, more)));
  ASSERT_EQ(krate_ranks(2, train("crate", data, scratch / "two", more)).exit_code, 0);
  auto const two = nlohmann::json::parse(content_of(scratch / "two/summary.json"));
  EXPECT_NEAR(two["train_loss"].get<double>(), one["train_loss"].get<double>(), 1e-10);
  EXPECT_EQ(two["from"], one["from"]);
}
#endif

TEST_F(FineTuning, SizesHaveTheAuthorsNames) {
  auto const data = stripes(scratch, "d.h5", 8, 4);
  ASSERT_EQ(krate(train("crate_alpha", data, run, {"--size", "Ti/8", "--steps", "1", "--batch", "2"})).exit_code, 0);
  auto const config = io::File::open(run + "/model.h5").attributes("/config");
  for (auto const& [key, value] : {std::pair<std::string, std::int64_t>{"dim", 192}, {"depth", 12}, {"heads", 3}})
    EXPECT_EQ(config.get<std::int64_t>(key), value) << key;
  EXPECT_EQ(config.get<std::vector<std::int64_t>>("patch_size"), (std::vector<std::int64_t>{8, 8}));
  expect_failure(krate(train("crate_alpha", data, tuned, {"--size", "Ti/8", "--dim", "16"})),
                 "--dim is not that of --size Ti/8");
  expect_failure(krate(train("crate", data, tuned, {"--size", "huge"})), "use tiny, small, base or large");
  expect_failure(krate(train("mlp", data, tuned, {"--size", "tiny"})), "--size means nothing to the model mlp");
  expect_failure(krate({"bench", "infer", "--size", "huge"}), "use tiny, small, base or large");
  auto const bench = json_of(krate({"bench", "infer", "--size", "tiny", "--image-size", "16", "--patch-size", "8",
                                    "--batch", "1", "--repeat", "1", "--json"}));
  EXPECT_EQ(bench["config"]["dim"], 384);
  EXPECT_EQ(bench["config"]["patch_size"], 8);
}

TEST_F(FineTuning, RegularisersAreForCrossEntropyOfTheFamily) {
  auto const data = stripes(scratch, "d.h5", 8, 4);
  auto const plain = json_of(krate(train("crate_alpha", data, run, small({"--json"}))));
  auto const more = json_of(krate(train("crate_alpha", data, tuned, small({"--srr-weight", "1e-3", "--json"}))));
  EXPECT_NE(more["train_loss"], plain["train_loss"]);
  expect_failure(krate(train("crate", data, scratch / "x", small({"--srr-weight", "1", "--objective", "mcr2"}))),
                 "--srr-weight means nothing to --objective mcr2");
  expect_failure(krate(train("tost", data, scratch / "x", small({"--srr-weight", "1"}))), "--srr-weight");
  expect_failure(krate(train("crate", data, scratch / "x", small({"--srr-weight", "-1"}))), "--srr-weight");
}

}  // namespace
}  // namespace krate::testing
