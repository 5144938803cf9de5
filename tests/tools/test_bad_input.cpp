// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Bad input to the command, on one rank and on two: one line on stderr, nothing on stdout, no file made or changed, no
// rank left waiting. A case is a command line and a part of what it must say.
#include <algorithm>
#include <atomic>
#include <thread>

#include "bad_files.hpp"
#include "support/reference_file.hpp"
#include "support/safetensors_bytes.hpp"

namespace krate::testing {
namespace {

using Words = std::vector<std::string>;

struct Case {
  Words words;
  std::string part;
};
using Cases = std::vector<Case>;

BadFiles const& files() {
  static BadFiles const made;
  return made;
}

class BadInput : public ::testing::TestWithParam<int> {
 protected:
  static std::string at(std::string const& name) { return files() / name; }
  static std::string out() { return at("out/new"); }

  Words train(Words const& more, std::string const& data = "good.h5") const {
    Words words{"train",   "--model", "crate",   "--data", at(data), "--dim", "8",
                "--depth", "1",       "--steps", "2",      "-o",     out()};
    for (auto const* defaults : {"--heads 2", "--batch 4"}) {
      std::string const text = defaults, flag = text.substr(0, text.find(' '));
      bool const given = std::find(more.begin(), more.end(), flag) != more.end() ||
                         std::find(more.begin(), more.end(), "--config") != more.end();
      if (!given) words.insert(words.end(), {flag, text.substr(flag.size() + 1)});
    }
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  Words eval(std::string const& model, std::string const& data, Words const& more = {}) const {
    Words words{"eval", at(model), "--data", at(data), "--json"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  Words predict(std::string const& model, std::string const& data) const {
    return {"predict", at(model), "--data", at(data), "-o", out()};
  }
  Words analyze(char const* what, std::string const& model, std::string const& data, Words const& more = {}) const {
    Words words{"analyze", what, at(model), "--data", at(data), "-o", out()};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  Words rate(std::string const& data, Words const& more = {}) const {
    Words words{"rate", at(data), "--json"};
    words.insert(words.end(), more.begin(), more.end());
    if (std::find(more.begin(), more.end(), "--eps-squared") == more.end())
      words.insert(words.end(), {"--eps-squared", "0.5"});
    return words;
  }

  /// Runs all cases, a few at a time: most of a launcher's time is waiting.
  void expect_failures(Cases cases) const {
    for (std::size_t k = 0; k < cases.size(); ++k)  // an output of its own for each
      std::replace(cases[k].words.begin(), cases[k].words.end(), out(), out() + std::to_string(k));
    auto const before = files().listing();
    std::vector<Outcome> outcomes(cases.size());
    std::atomic<std::size_t> next = 0;
    std::vector<std::thread> workers;
    for (int i = 0; i < (GetParam() > 1 ? 12 : 2); ++i) {
      workers.emplace_back([&] {
        for (std::size_t k; (k = next++) < cases.size();)
          outcomes[k] = GetParam() > 1 ? krate_ranks(GetParam(), cases[k].words) : krate(cases[k].words);
      });
    }
    for (auto& worker : workers) worker.join();
    for (std::size_t k = 0; k < cases.size(); ++k) {
      std::string command = "krate";
      for (auto const& word : cases[k].words) command += " " + word;
      SCOPED_TRACE(command);
      if (GetParam() == 1) {
        expect_failure(outcomes[k], cases[k].part);
        continue;
      }
      auto const own = own_lines(outcomes[k].err);  // among what the launcher says
      EXPECT_GT(outcomes[k].exit_code, 0);
      EXPECT_EQ(outcomes[k].out, "");
      ASSERT_EQ(own.size(), 1u) << outcomes[k].err;
      EXPECT_TRUE(is_failure_line(own[0])) << own[0];
      EXPECT_NE(own[0].find(cases[k].part), std::string::npos) << "no '" << cases[k].part << "' in: " << own[0];
    }
    EXPECT_EQ(files().changes(before), BadFiles::Listing());
  }
};

TEST_P(BadInput, DatasetFiles) {
  Cases cases;
  for (auto const& [file, part] : std::vector<std::pair<std::string, std::string>>{
           {"missing.h5", "no such file"},
           {"empty.h5", "is empty"},
           {"text.h5", "not an HDF5 file"},
           {"directory.h5", "not a regular file"},
           {"flat.h5", "has shape [12, 16]"},
           {"five_axes.h5", "has shape [12, 1, 4, 4, 1]"},
           {"no_samples.h5", "/samples"},
           {"zero_samples.h5", "no samples"},
           {"nan.h5", "sample 11 is nan"},
           {"infinite.h5", "sample 11 is inf"},
           {"label_too_large.h5", "label 3 of row 11"},
           {"label_negative.h5", "label -1 of row 11"},
           {"label_fraction.h5", "label 0.5 of row 11"},
           {"label_huge.h5", "of row 11"},
           {"classes_too_few.h5", "label 2 of row 2"},
           {"classes_zero.h5", "'classes' is 0"},
           {"labels_short.h5", "has shape [11]"},
           {"labels_table.h5", "has shape [12, 1]"},
           {"no_labels.h5", "labels"},
           {"split_seven.h5", "is 7 for row 11"},
           {"split_short.h5", "/split"},
       }) {
    cases.push_back({train({}, file), part});
    cases.push_back({eval("run/model.h5", file), part});
  }
  for (auto const* file : {"missing.h5", "text.h5", "nan.h5", "labels_short.h5"}) {
    cases.push_back({predict("run/model.h5", file), file});
    cases.push_back({analyze("layers", "run/model.h5", file), file});
  }
  for (int i = 1; i < 10; ++i) cases.push_back({train({}, "good.h5.cut" + std::to_string(i)), "good.h5.cut"});
  cases.push_back({train({}, "no_train.h5"), "at least one"});
  cases.push_back({eval("run/model.h5", "no_test.h5"), "at least one"});
  cases.push_back({eval("run/model.h5", "good.h5", {"--split", "seven"}), "seven"});
  cases.push_back({eval("run/model.h5", "good.h5", {"--batch", "0"}), "--batch"});
  cases.push_back({eval("run/model.h5", "larger_images.h5"), "[1, 8, 8]"});
  cases.push_back({predict("run/model.h5", "larger_images.h5"), "[1, 8, 8]"});
  cases.push_back({analyze("attention", "run/model.h5", "larger_images.h5"), "[1, 8, 8]"});
  cases.push_back({eval("run/model.h5", "classes_more.h5"), "4 classes"});
  cases.push_back({train({}, "features.h5"), "must hold images"});
  expect_failures(cases);
}

TEST_P(BadInput, FeatureFiles) {
  std::string const odd = reference_file("odd");
  Words const huge{"rate", odd + "/huge_chunked.h5", "--eps-squared", "1"};
  expect_failures({{rate("missing.h5"), "no such file"},
                   {rate("features_nan.h5"), "sample 11 is nan"},
                   {rate("good.h5"), "--features /samples/images"},
                   {rate("features.h5", {"--features", "/none"}), "/none"},
                   {rate("features.h5", {"--labels", "/none"}), "/none"},
                   {rate("features.h5", {"--labels", "/samples/features"}), "[12, 4]"},
                   {rate("features.h5", {"--features", "/labels"}), "[12]"},
                   {rate("features.h5", {"--eps-squared", "0"}), "--eps-squared"},
                   {rate("features.h5", {"--eps-squared", "-1"}), "--eps-squared"},
                   {rate("features.h5", {"--eps-squared", "nan"}), "--eps-squared"},
                   {rate("features.h5", {"--eps-squared", "inf"}), "--eps-squared"},
                   {rate("label_too_large.h5", {"--features", "/samples/images"}), "label 3 of row 11"},
                   {{"rate", odd + "/strings.h5", "--eps-squared", "1"}, "no numbers"},
                   {{"rate", odd + "/compound.h5", "--eps-squared", "1"}, "no numbers"},
                   {{"rate", odd + "/soft_cycle.h5", "--eps-squared", "1"}, "soft_cycle.h5"},
                   {huge, "holds 0 of its"}});
}

TEST_P(BadInput, ModelFiles) {
  Cases cases;
  for (auto const& [file, part] : std::vector<std::pair<std::string, std::string>>{
           {"missing.h5", "no such file"},
           {"text.h5", "not an HDF5 file"},
           {"good.h5", "is no krate checkpoint"},
           {"newer.h5", "format_version 2"},
           {"incomplete.h5", "not written completely"},
           {"version_text.h5", "format_version"},
           {"other_model.h5", "holds a model 'perceiver'"},
           {"other_dim.h5", "has shape"},
           {"heads_zero.h5", "heads"},
           {"deep.h5", "depth = 16777216"},
           {"wide.h5", "wide.h5"},
           {"lacks_tensor.h5", "blocks/00/ista/dictionary: is missing"},
           {"damaged.h5", "checksum"},
       }) {
    cases.push_back({eval(file, "good.h5"), part});
  }
  for (int i = 1; i < 10; ++i)
    cases.push_back({eval("run/model.h5.cut" + std::to_string(i), "good.h5"), "model.h5.cut"});
  cases.push_back({predict("newer.h5", "good.h5"), "format_version 2"});
  cases.push_back({analyze("layers", "other_model.h5", "good.h5"), "holds a model 'perceiver'"});
  cases.push_back({analyze("attention", "run/model.h5", "good.h5", {"--block", "1"}), "--block"});
  cases.push_back({analyze("layers", "run/model.h5", "good.h5", {"--eps-squared", "0"}), "--eps-squared"});
  cases.push_back({analyze("layers", "run/model.h5", "good.h5", {"--eps-squared", "nan"}), "--eps-squared"});
  cases.push_back({analyze("layers", "run/model.h5", "good.h5", {"--eps-squared", "inf"}), "--eps-squared"});
  cases.push_back({analyze("objective", "run/model.h5", "good.h5", {"--eps-squared", "0"}), "--eps-squared"});
  cases.push_back({analyze("objective", "run/model.h5", "good.h5", {"--lambda", "nan"}), "--lambda"});
  cases.push_back({analyze("objective", "run/model.h5", "nan.h5"), "nan.h5"});
  cases.push_back({{"analyze", "landscape", "--dim", "0", "-o", out()}, "--dim"});
  cases.push_back({{"analyze", "landscape", "--class-sizes", "20,0", "-o", out()}, "--class-sizes"});
  cases.push_back({{"analyze", "landscape", "--lambda", "1", "-o", out()}, "lambda_max"});
  cases.push_back({{"analyze", "landscape", "--ranks", "20,20,20", "-o", out()}, "sum of ranks"});
  cases.push_back({{"analyze", "landscape", "-o", at("good.h5")}, "good.h5"});
  cases.push_back({{"analyze", "denoise", "--dim", "0", "-o", out()}, "--dim"});
  cases.push_back({{"analyze", "denoise", "--subspaces", "7", "-o", out()}, "at most --dim"});
  cases.push_back({{"analyze", "denoise", "--sigmas", "0.1", "-1", "-o", out()}, "--sigmas"});
  cases.push_back({{"analyze", "denoise", "--samples", "1000000", "-o", out()}, "--samples"});
  cases.push_back({{"analyze", "denoise", "-o", at("good.h5")}, "good.h5"});
  expect_failures(cases);
}

TEST_P(BadInput, ParameterFiles) {
  Cases cases;
  for (auto const& bad : bad_safetensors()) {
    if (GetParam() > 1 && cases.size() == 12) break;
    cases.push_back({{"import", at(bad.name + ".safetensors"), "--family", "crate", "-o", out()}, bad.part});
  }
  cases.push_back({{"import", at("missing.safetensors"), "--family", "crate", "-o", out()}, "no such file"});
  cases.push_back({{"import", at("good.h5"), "--family", "crate", "-o", out()}, "no safetensors file"});
  cases.push_back({{"export", at("newer.h5"), "-o", out()}, "format_version 2"});
  cases.push_back({{"export", at("other_model.h5"), "-o", out()}, "no family 'perceiver'"});
  cases.push_back({{"export", at("lacks_tensor.h5"), "-o", out()}, "blocks/00/ista/dictionary"});
  cases.push_back({{"export", at("run/model.h5"), "-o", at("missing/x")}, "missing/x"});
  cases.push_back({{"export", at("run/model.h5"), "-o", at("run/model.h5")}, "is also the input"});
  expect_failures(cases);
}

TEST_P(BadInput, Configurations) {
  Cases cases;
  for (auto const& [flag, value] : std::vector<std::pair<std::string, std::string>>{
           {"--heads", "3"},
           {"--heads", "0"},
           {"--patch-size", "3"},
           {"--patch-size", "0"},
           {"--patch-size", "2x3"},
           {"--patch-size", "8"},
           {"--batch", "0"},
           {"--batch", "-1"},
           {"--batch", "many"},
           {"--epochs", "0"},
           {"--learning-rate", "-1"},
           {"--learning-rate", "nan"},
           {"--learning-rate", "0"},
           {"--weight-decay", "-1"},
           {"--warmup", "-1"},
           {"--clip", "-1"},
           {"--label-smoothing", "1"},
           {"--optimizer", "sgd2"},
           {"--schedule", "linear"},
           {"--precision", "fp8"},
           {"--pool", "max"},
           {"--augment", "rotate"},
           {"--eta", "0"},
           {"--lambda", "-1"},
           {"--classes", "2"},
           {"--seed", "-1"},
           {"--checkpoint-every", "0"},
           {"--keep", "0"},
           {"--checkpoint-minutes", "0"},
           {"--dim-head", "0"},
           {"--model", "perceiver"},
       }) {
    std::string part = flag.substr(2);
    if (part == "patch-size" && value != "0") part = "patch_size";
    cases.push_back({train({flag, value}), part});
  }
  Words zero = train({});
  *std::next(std::find(zero.begin(), zero.end(), "--steps")) = "0";
  cases.push_back({zero, "--steps"});
  Words wide = train({});
  *std::next(std::find(wide.begin(), wide.end(), "--dim")) = "16777216";
  cases.push_back({wide, "use a smaller batch or model"});
  cases.push_back({train({"--epochs", "2"}), "--steps and --epochs"});
  cases.push_back({train({"--config", at("missing.toml")}), "missing.toml"});
  for (auto const& [file, part] : std::vector<std::pair<std::string, std::string>>{{"unknown_key", "learning_rate"},
                                                                                   {"no_toml", "line 1"},
                                                                                   {"no_text", "no_text.toml"},
                                                                                   {"wrong_type", "learning_rate"},
                                                                                   {"fraction", "batch"},
                                                                                   {"table", "train"},
                                                                                   {"twice", "line 2"},
                                                                                   {"batch_zero", "batch"},
                                                                                   {"not_finite", "finite"},
                                                                                   {"heads_three", "heads"},
                                                                                   {"patch_three", "patch_size"}}) {
    cases.push_back({train({"--config", at(file + ".toml")}), part});
  }
  cases.push_back({{"train", "--data", at("good.h5"), "-o", out()}, "--model"});
  cases.push_back({{"train", "--model", "crate", "-o", out()}, "--data"});
  expect_failures(cases);
}

TEST_P(BadInput, Runs) {
  expect_failures({{{"resume", at("missing")}, "no training run"},
                   {{"resume", at("good.h5")}, "no training run"},
                   {{"resume", at("run_without_config")}, "no training run"},
                   {{"resume", at("run_without_checkpoint")}, "no good checkpoint"},
                   {{"resume", at("run_cut")}, "step-00000001.h5"},
                   {{"resume", at("run_model_only")}, "is missing"},
                   {{"resume", at("run_newer")}, "format_version 2"},
                   {{"resume", at("run_other_dim")}, "has shape"},
                   {{"resume", at("run_other_rule")}, "lion"},
                   {{"resume", at("run_shorter")}, "steps"},
                   {{"resume", at("run_unknown_key")}, "deep is no option"},
                   {{"resume", at("run_past")}, "step = 2"},
                   {{"resume", at("run_data_gone")}, "gone.h5"},
                   {{"resume", at("run_no_toml")}, "config.toml"}});
}

TEST_P(BadInput, Outputs) {
  auto const to = [&](Words words, std::string const& output) {
    *std::next(std::find(words.begin(), words.end(), "-o")) = output;
    return words;
  };
  Words const predicts = predict("run/model.h5", "good.h5"), analyzes = analyze("layers", "run/model.h5", "good.h5"),
              attention = analyze("attention", "run/model.h5", "good.h5"), trains = train({});
  Cases cases;
  for (auto const& words : {predicts, analyzes, attention, trains}) {
    cases.push_back({to(words, at("text.h5/below")), "text.h5/below"});
    cases.push_back({to(words, "/proc/nowhere/new"), "/proc/nowhere/new"});
  }
  cases.push_back({to(predicts, at("missing/new.h5")), "missing/new.h5"});
  cases.push_back({to(predicts, at("out")), "not a regular file"});
  cases.push_back({to(predicts, "/dev/full"), "not a regular file"});
  cases.push_back({to(predicts, at("good.h5")), "is also the input"});
  cases.push_back({to(predicts, at("out/../run/model.h5")), "is also the input"});
  cases.push_back({to(analyzes, at("good.h5")), "good.h5"});
  cases.push_back({to(trains, at("run")), "is not empty"});
  cases.push_back({to(trains, at("good.h5")), "no directory"});
  cases.push_back({{"data", "digits", "-o", at("missing/new.h5")}, "missing/new.h5"});
  cases.push_back({{"data", "csv", at("empty.h5"), "--shape", "1,4,4", "--label-column", "last", "-o", at("empty.h5")},
                   "is also the input"});
  expect_failures(cases);
}

INSTANTIATE_TEST_SUITE_P(Ranks, BadInput,
#ifdef KRATE_MPIEXEC
                         ::testing::Values(1, 2),
#else
                         ::testing::Values(1),
#endif
                         ::testing::PrintToStringParamName());

}  // namespace
}  // namespace krate::testing
