// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "bad_files.hpp"

#include <algorithm>
#include <fstream>
#include <functional>
#include <limits>
#include <numeric>

#include "krate/io/checkpoint.hpp"
#include "support/safetensors_bytes.hpp"

namespace krate::testing {

namespace fs = std::filesystem;

namespace {

using Shape = std::vector<std::size_t>;

std::size_t product(Shape const& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::size_t(1), std::multiplies<>());
}

/// What a dataset file holds; a case changes one thing.
struct Contents {
  std::string path = "/samples/images";
  Shape shape{12, 1, 4, 4};
  std::vector<float> samples = std::vector<float>(192, 0.5f);
  std::vector<double> labels{0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2};
  Shape label_shape{12};
  std::vector<std::int64_t> split{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1};
  std::int64_t classes = 3;

  void reshape(Shape to) {
    shape = std::move(to);
    samples.assign(product(shape), 0.5f);
  }
  void write(std::string const& file_path) const {
    auto file = io::File::create(file_path);
    if (!shape.empty()) file.write<float>(path, shape, 0, shape[0], samples);
    if (!labels.empty()) {
      file.write<double>("/labels", label_shape, 0, label_shape[0], labels);
      if (classes >= 0) file.set_attribute("/labels", "classes", classes);
    }
    if (!split.empty()) file.write<std::int64_t>("/split", {split.size()}, 0, split.size(), split);
    file.commit();
  }
};

/// name.cut1 to name.cut9: the first tenths of a file.
void cut(std::string const& path) {
  std::string const whole = content_of(path);
  for (std::size_t i = 1; i < 10; ++i)
    std::ofstream(path + ".cut" + std::to_string(i), std::ios::binary) << whole.substr(0, whole.size() * i / 10);
}

/// A copy of a model file with other attributes, and without the tensors that `keep` refuses.
void copy_model(std::string const& from, std::string const& to, std::function<void(Configuration&)> const& about,
                std::function<void(Configuration&)> const& config,
                std::function<bool(std::string const&)> const& keep) {
  io::CheckpointReader const in(from);
  Configuration root = in.about(), of_model = in.config();
  about(root);
  config(of_model);
  auto out = io::File::create(to);
  out.set_attributes("/", root);
  out.set_attributes("/config", of_model);
  out.create_group("/model");
  for (auto const& name : in.tensors("/model")) {
    if (!keep(name)) continue;
    auto const path = "/model/" + name;
    auto const shape = in.info(path).shape;
    std::vector<float> values(product(shape));
    in.read<float>("/model", {name, shape, values});
    out.write_replicated<float>(path, shape, values);
  }
  out.commit();
}

}  // namespace

BadFiles::BadFiles() {
  Contents{}.write(good());
  auto const outcome = krate({"train", "--model", "crate", "--data", good(), "--dim", "8", "--depth", "1", "--heads",
                              "2", "--steps", "2", "--batch", "4", "--checkpoint-every", "1", "-o", scratch_ / "run"});
  if (outcome.exit_code != 0) throw std::runtime_error("no run to test with: " + outcome.err);
  make_datasets();
  make_models();
  make_runs();
  make_configs();
  for (auto const& bad : bad_safetensors()) scratch_.write(bad.name + ".safetensors", bad.bytes);
  fs::create_directories(scratch_ / "out");
}

BadFiles::Listing BadFiles::listing() const {
  Listing lines;
  for (auto const& entry : fs::recursive_directory_iterator(scratch_ / "")) {
    if (!entry.is_regular_file()) lines.insert(entry.path());
    if (entry.is_regular_file())
      lines.insert(entry.path().string() + " " + std::to_string(entry.file_size()) + " bytes " +
                   std::to_string(entry.last_write_time().time_since_epoch().count()));
  }
  return lines;
}

BadFiles::Listing BadFiles::changes(Listing const& before) const {
  Listing const after = listing();
  Listing different;
  std::set_symmetric_difference(before.begin(), before.end(), after.begin(), after.end(),
                                std::inserter(different, different.end()));
  return different;
}

void BadFiles::make_datasets() const {
  auto const make = [&](char const* name, auto const& change) {
    Contents contents;
    change(contents);
    contents.write(scratch_ / (std::string(name) + ".h5"));
  };
  scratch_.write("empty.h5", "");
  scratch_.write("text.h5", std::string(5000, 'a'));
  fs::create_directories(scratch_ / "directory.h5");
  cut(good());
  make("flat", [](Contents& c) { c.reshape({12, 16}); });
  make("five_axes", [](Contents& c) { c.reshape({12, 1, 4, 4, 1}); });
  make("no_samples", [](Contents& c) { c.shape.clear(); });
  make("zero_samples", [](Contents& c) {
    c.reshape({0, 1, 4, 4});
    c.labels.clear();
    c.split.clear();
  });
  make("larger_images", [](Contents& c) { c.reshape({12, 1, 8, 8}); });
  // In the last row, so that of two ranks only the second sees it.
  make("nan", [](Contents& c) { c.samples.back() = std::numeric_limits<float>::quiet_NaN(); });
  make("infinite", [](Contents& c) { c.samples.back() = std::numeric_limits<float>::infinity(); });
  make("label_too_large", [](Contents& c) { c.labels.back() = 3; });
  make("label_negative", [](Contents& c) { c.labels.back() = -1; });
  make("label_fraction", [](Contents& c) { c.labels.back() = 0.5; });
  make("label_huge", [](Contents& c) {
    c.labels.back() = 1e300;
    c.classes = -1;
  });
  make("classes_too_few", [](Contents& c) { c.classes = 2; });
  make("classes_zero", [](Contents& c) { c.classes = 0; });
  make("classes_more", [](Contents& c) { c.classes = 4; });
  make("labels_short", [](Contents& c) {
    c.labels.pop_back();
    c.label_shape = {11};
  });
  make("labels_table", [](Contents& c) { c.label_shape = {12, 1}; });
  make("no_labels", [](Contents& c) { c.labels.clear(); });
  make("split_seven", [](Contents& c) { c.split.back() = 7; });
  make("split_short", [](Contents& c) { c.split.pop_back(); });
  make("no_train", [](Contents& c) { c.split.assign(12, 1); });
  make("no_test", [](Contents& c) { c.split.assign(12, 0); });
  auto const features = [](Contents& c) {
    c.path = "/samples/features";
    c.reshape({12, 4});
  };
  make("features", features);
  make("features_nan", [&](Contents& c) {
    features(c);
    c.samples.back() = std::numeric_limits<float>::quiet_NaN();
  });
}

void BadFiles::make_models() const {
  auto const nothing = [](auto&) {};
  auto const all = [](auto&) { return true; };
  auto const make = [&](char const* name, auto const& about, auto const& config, auto const& keep) {
    copy_model(model(), scratch_ / (std::string(name) + ".h5"), about, config, keep);
  };
  cut(model());
  make(
      "newer", [](auto& a) { a.set("format_version", io::checkpoint_version + 1), a.set("krate_version", "99.0"); },
      nothing, all);
  make(
      "incomplete", [](auto& a) { a.set("complete", std::int64_t(0)); }, nothing, all);
  make(
      "version_text", [](auto& a) { a.set("format_version", "one"); }, nothing, all);
  make(
      "other_model", nothing, [](auto& c) { c.set("model", "perceiver"); }, all);
  make(
      "other_dim", nothing, [](auto& c) { c.set("dim", std::int64_t(4)); }, all);
  make(
      "heads_zero", nothing, [](auto& c) { c.set("heads", std::int64_t(0)); }, all);
  make(
      "deep", nothing, [](auto& c) { c.set("depth", std::int64_t(1) << 24); }, all);
  make(
      "wide", nothing, [](auto& c) { c.set("dim", std::int64_t(1) << 24); }, all);
  make("lacks_tensor", nothing, nothing, [](auto const& name) { return name != "blocks/00/ista/dictionary"; });
  std::string damaged = content_of(model());
  // The values of the largest tensor; everything else about the file stays readable.
  io::CheckpointReader const in(model());
  auto const shape = in.info("/model/blocks/00/mssa/projection").shape;
  std::vector<float> values(product(shape));
  in.read<float>("/model", {"blocks/00/mssa/projection", shape, values});
  std::string const bytes(reinterpret_cast<char const*>(values.data()), values.size() * sizeof(float));
  damaged[damaged.find(bytes) + bytes.size() / 2] ^= 1;
  scratch_.write("damaged.h5", damaged);
}

void BadFiles::make_runs() const {
  // An unfinished run, as a job that was killed leaves it, and a change.
  auto const make = [&](char const* name, std::function<void(fs::path const&)> const& change) {
    fs::path const run = scratch_ / name;
    fs::copy(scratch_ / "run", run, fs::copy_options::recursive);
    fs::remove(run / "summary.json");
    fs::remove(run / "model.h5");
    fs::remove(run / "checkpoints/step-00000002.h5");
    change(run);
  };
  auto const newest = [](fs::path const& run) { return run / "checkpoints/step-00000001.h5"; };
  auto const config = [](fs::path const& run, std::string const& from, std::string const& to) {
    std::string text = content_of(run / "config.toml");
    std::ofstream(run / "config.toml") << text.replace(text.find(from), from.size(), to);
  };
  make("run_without_checkpoint", [](auto const& run) { fs::remove_all(run / "checkpoints"); });
  make("run_without_config", [](auto const& run) { fs::remove(run / "config.toml"); });
  make("run_cut", [&](auto const& run) { fs::resize_file(newest(run), fs::file_size(newest(run)) / 2); });
  make("run_model_only",
       [&](auto const& run) { fs::copy_file(model(), newest(run), fs::copy_options::overwrite_existing); });
  make("run_newer", [&](auto const& run) {
    fs::copy_file(scratch_ / "newer.h5", newest(run), fs::copy_options::overwrite_existing);
  });
  make("run_other_dim", [&](auto const& run) { config(run, "dim = 8", "dim = 16"); });
  make("run_other_rule", [&](auto const& run) { config(run, "adamw", "lion"); });
  make("run_shorter", [&](auto const& run) { config(run, "steps = 2", "steps = 0"); });
  make("run_unknown_key", [&](auto const& run) { config(run, "depth", "deep"); });
  make("run_data_gone", [&](auto const& run) { config(run, "good.h5", "gone.h5"); });
  make("run_past", [&](auto const& run) {
    fs::copy_file(scratch_ / "run/checkpoints/step-00000002.h5", run / "checkpoints/step-00000002.h5");
    config(run, "steps = 2", "steps = 1");
  });
  make("run_no_toml", [](auto const& run) { std::ofstream(run / "config.toml") << "model = \n"; });
  make("run_long_metrics", [](auto const& run) {
    std::string const text = content_of(run / "metrics.csv");
    std::string const row = text.substr(text.find('\n') + 1, text.find("\n2,") - text.find('\n'));
    std::ofstream out(run / "metrics.csv", std::ios::app);
    for (int i = 0; i < 40; ++i) out << row;
  });
}

void BadFiles::make_configs() const {
  auto const write = [&](char const* name, std::string const& text) {
    scratch_.write(std::string(name) + ".toml", text);
  };
  write("unknown_key", "learning_rat = 1.0\n");
  write("no_toml", "learning_rate 1.0\n");
  write("no_text", std::string("\x00\xff\xfe", 3));
  write("wrong_type", "learning_rate = \"fast\"\n");
  write("fraction", "batch = 2.5\n");
  write("table", "[train]\nbatch = 4\n");
  write("twice", "batch = 4\nbatch = 8\n");
  write("batch_zero", "batch = 0\n");
  write("not_finite", "learning_rate = nan\n");
  write("heads_three", "heads = 3\n");
  write("patch_three", "patch_size = \"3x4\"\n");
}

}  // namespace krate::testing
