// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/io/checkpoint.hpp"

#include <algorithm>
#include <cstring>

#include "io/support.hpp"
#include "krate/version.hpp"

namespace {

using krate::Configuration;
using namespace krate::io;
using krate::IoError;
using krate::ShapeError;
using krate::ValueError;
using krate::testing::data_file;
using krate::testing::read_bytes;
using krate::testing::TemporaryDirectory;
using krate::testing::write_bytes;

Configuration config() {
  Configuration c;
  c.set("model", "crate");
  c.set("image_size", std::vector<std::size_t>{16, 16});
  c.set("patch_size", std::vector<std::size_t>{4, 4});
  c.set("channels", 3);
  c.set("dim", 32);
  c.set("depth", 3);
  c.set("heads", 4);
  c.set("num_classes", 10);
  c.set("pool", "cls");
  c.set("eta", 0.1);
  c.set("lambda", 0.1);
  return c;
}
Configuration train() {
  Configuration c;
  c.set("step", 100);
  c.set("epoch", 3);
  c.set("seed", 7);
  c.set("learning_rate", 1e-3);
  return c;
}

std::vector<float> const matrix = {1, 2, 3, 4, 5, 6}, bias = {0.1f, -0.2f};

void write_checkpoint(std::string const& path, Configuration const& c = config()) {
  CheckpointWriter writer(path, {}, c);
  writer.write<float const>("/model", {"head/weight", {2, 3}, matrix});
  writer.write<float const>("/model", {"head/bias", {2}, bias});
  writer.write<float const>("/optimizer/adamw/first_moment", {"head/bias", {2}, bias});
  writer.write_train(train());
  writer.commit();
}

// The file written by another program, or a later one.
void write_foreign(std::string const& path, std::int64_t version, bool complete, bool format = true) {
  File file = File::create(path);
  if (format) file.set_attribute("/", "format", "krate-checkpoint");
  file.set_attribute("/", "format_version", version);
  file.set_attribute("/", "krate_version", "9.8.7");
  if (complete) file.set_attribute("/", "complete", std::int64_t(1));
  file.set_attributes("/config", config());
  file.write_replicated<float>("/model/head/bias", {2}, bias);
  file.write_replicated<std::int64_t>("/model/counts", {1}, std::vector<std::int64_t>{1});
  file.commit();
}

TEST(Checkpoint, RoundTrip) {
  TemporaryDirectory const dir;
  write_checkpoint(dir / "c.h5");
  CheckpointReader const reader(dir / "c.h5");
  EXPECT_TRUE(reader.config() == config());
  EXPECT_TRUE(reader.train() == train());
  EXPECT_EQ(reader.model(), "crate");
  EXPECT_EQ(reader.about().get<std::string>("krate_version"), krate::version());
  EXPECT_EQ(reader.about().get<std::string>("git_commit"), krate::git_commit());
  EXPECT_EQ(reader.about().get<std::string>("created_utc").size(), 20u);
  EXPECT_EQ(reader.tensors("/model"), (std::vector<std::string>{"head/bias", "head/weight"}));
  EXPECT_TRUE(reader.has("/optimizer/adamw"));
  std::vector<float> found(6);
  reader.read<float>("/model", {"head/weight", {2, 3}, found});
  EXPECT_EQ(found, matrix);
  reader.verify();
}

TEST(Checkpoint, FloatServesDoubleAndBack) {
  TemporaryDirectory const dir;
  write_checkpoint(dir / "c.h5");
  std::vector<double> wide(2);
  CheckpointReader(dir / "c.h5").read<double>("/model", {"head/bias", {2}, wide});
  EXPECT_EQ(wide, (std::vector<double>{0.1f, -0.2f}));
  std::vector<double> const exact = {1.0 / 3, 1e-30};
  {
    CheckpointWriter writer(dir / "d.h5", {}, config());
    writer.write<double const>("/model", {"x", {2}, exact});
    writer.commit();
  }
  std::vector<float> narrow(2);
  CheckpointReader(dir / "d.h5").read<float>("/model", {"x", {2}, narrow});
  EXPECT_EQ(narrow, (std::vector<float>{1.0f / 3, 1e-30f}));
}

TEST(Checkpoint, WhatDoesNotFitIsNamed) {
  TemporaryDirectory const dir;
  write_checkpoint(dir / "c.h5");
  CheckpointReader const reader(dir / "c.h5");
  std::vector<float> out(6);
  EXPECT_TEXT(IoError, reader.read<float>("/model", {"head/scale", {2, 3}, out}),
              "c.h5: /model/head/scale: is missing");
  EXPECT_TEXT(ShapeError, reader.read<float>("/model", {"head/weight", {3, 2}, out}),
              "c.h5: /model/head/weight has shape [2, 3], expected [3, 2]");
  EXPECT_TEXT(ValueError, reader.require_model("crate_mae"), "holds a model 'crate', expected 'crate_mae'");
  reader.require_model("crate");
  EXPECT_TEXT(ValueError, reader.config().get<std::int64_t>("batch"), "c.h5: /config has no attribute 'batch'");
}

TEST(Checkpoint, OtherFilesAreRefused) {
  TemporaryDirectory const dir;
  write_foreign(dir / "ok.h5", 1, true);
  CheckpointReader const ok(dir / "ok.h5");  // no checksums: taken as it is
  std::vector<float> out(2);
  ok.read<float>("/model", {"head/bias", {2}, out});
  EXPECT_EQ(out, bias);
  EXPECT_TEXT(IoError, ok.train(), "ok.h5: /train: is missing");
  std::vector<float> one(1);
  EXPECT_TEXT(IoError, ok.read<float>("/model", {"counts", {1}, one}), "/model/counts: holds neither float nor double");
  write_foreign(dir / "new.h5", 2, true);
  EXPECT_TEXT(IoError, CheckpointReader(dir / "new.h5"), "new.h5: has format_version 2 (written by krate 9.8.7)",
              "use krate 9.8.7 or newer");
  write_foreign(dir / "half.h5", 1, false);
  EXPECT_TEXT(IoError, CheckpointReader(dir / "half.h5"), "half.h5: was not written completely");
  write_foreign(dir / "other.h5", 1, true, false);
  EXPECT_TEXT(IoError, CheckpointReader(dir / "other.h5"), "other.h5: is no krate checkpoint");
  EXPECT_TEXT(IoError, CheckpointReader(data_file("types")), "types.h5: is no krate checkpoint");
  EXPECT_TEXT(IoError, CheckpointReader(data_file("group_cycle")).verify(), "group_cycle.h5", "nested too deeply");
}

// A bit flipped anywhere: the file is refused, or everything in it still reads the same.
int read_flipped(std::string const& good, std::string const& path) {
  std::size_t refused = 0, wrong = 0;
  for (std::size_t i = 0; i < good.size(); i += 5) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ (1 << i % 8));
    write_bytes(path, bad);
    try {
      CheckpointReader const reader(path);
      reader.verify();
      std::vector<float> weight(6), values(2), moment(2);
      reader.read<float>("/model", {"head/weight", {2, 3}, weight});
      reader.read<float>("/model", {"head/bias", {2}, values});
      reader.read<float>("/optimizer/adamw/first_moment", {"head/bias", {2}, moment});
      wrong += weight != matrix || values != bias || moment != bias || !(reader.config() == config()) ||
               !(reader.train() == train());
    } catch (krate::Error const&) {
      ++refused;
    }
  }
  return wrong > 0 ? 1 : refused < good.size() / 20 ? 2 : 7;
}

TEST(Checkpoint, AFlippedBitIsFound) {
  TemporaryDirectory const dir;
  write_checkpoint(dir / "c.h5");
  ::testing::internal::CaptureStderr();
  int const status = krate::testing::in_child([&] {  // damage leaves traces in the HDF5 library
    silence_hdf5();
    return read_flipped(read_bytes(dir / "c.h5"), dir / "bad.h5");
  });
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 7);
}

TEST(Checkpoint, ADamagedTensorIsNamed) {
  TemporaryDirectory const dir;
  write_checkpoint(dir / "c.h5");
  std::string bytes = read_bytes(dir / "c.h5");
  std::string pattern(sizeof(float) * 6, '\0');
  std::memcpy(pattern.data(), matrix.data(), pattern.size());
  bytes[bytes.find(pattern) + 9] ^= 1;
  write_bytes(dir / "c.h5", bytes);
  EXPECT_TEXT(IoError, CheckpointReader(dir / "c.h5").verify(), "c.h5: /model/head/weight: the checksum does not fit");
  write_checkpoint(dir / "c.h5");  // the right values in the wrong order
  bytes = read_bytes(dir / "c.h5");
  std::swap_ranges(bytes.begin() + bytes.find(pattern), bytes.begin() + bytes.find(pattern) + 4,
                   bytes.begin() + bytes.find(pattern) + 4);
  write_bytes(dir / "c.h5", bytes);
  EXPECT_TEXT(IoError, CheckpointReader(dir / "c.h5").verify(), "c.h5: /model/head/weight: the checksum does not fit");
}

TEST(Checkpoint, TheNewestGoodOneIsFound) {
  TemporaryDirectory const dir;
  EXPECT_EQ(checkpoint_name(100), "step-00000100.h5");
  EXPECT_EQ(checkpoint_name(1234567890), "step-1234567890.h5");
  EXPECT_FALSE(newest_good_checkpoint(dir / "none").path.has_value());
  EXPECT_FALSE(newest_good_checkpoint(dir.path()).path.has_value());
  for (std::int64_t const step : {20, 100, 300, 1234567890}) write_checkpoint(dir / checkpoint_name(step));
  write_bytes(dir / "step-00000400.h5.tmp", "half");
  write_bytes(dir / "step-0x.h5", "no step");
  write_bytes(dir / "model.h5", "no step");
  EXPECT_EQ(newest_good_checkpoint(dir.path()).path, dir / "step-1234567890.h5");
  std::string const good = read_bytes(dir / "step-00000100.h5");
  write_bytes(dir / "step-1234567890.h5", good.substr(0, good.size() / 2));
  std::string bad = good;
  std::string pattern(sizeof(float) * 6, '\0');
  std::memcpy(pattern.data(), matrix.data(), pattern.size());
  bad[bad.find(pattern)] ^= 64;
  write_bytes(dir / "step-00000300.h5", bad);
  NewestCheckpoint const found = newest_good_checkpoint(dir.path());
  EXPECT_EQ(found.path, dir / "step-00000100.h5");
  ASSERT_EQ(found.skipped.size(), 2u);
  EXPECT_NE(found.skipped[0].find("step-1234567890.h5"), std::string::npos);
  EXPECT_NE(found.skipped[1].find("checksum"), std::string::npos);
  EXPECT_EQ(list_checkpoints(dir.path()).size(), 4u);
}

}  // namespace
