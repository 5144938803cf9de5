// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// ToST by the command.
#include "command.hpp"
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
  EXPECT_GT(summary["test_accuracy"].get<double>(), 0.5);
  EXPECT_EQ(krate({"resume", run}).exit_code, 0);
  auto const found = json_of(krate({"eval", run + "/model.h5", "--data", data, "--json"}));
  EXPECT_NEAR(found["loss"].get<double>(), summary["test_loss"].get<double>(), 1e-5);
  ASSERT_EQ(krate({"predict", run + "/model.h5", "--data", data, "-o", scratch / "out.h5"}).exit_code, 0);
  EXPECT_EQ(io::File::open(scratch / "out.h5").info("/features").shape, (std::vector<std::size_t>{1797, 32}));
  ASSERT_EQ(krate({"export", run + "/model.h5", "-o", scratch / "m.safetensors"}).exit_code, 0);
  ASSERT_EQ(krate({"import", scratch / "m.safetensors", "--family", "tost", "-o", scratch / "back.h5"}).exit_code, 0);
  EXPECT_EQ(json_of(krate({"eval", scratch / "back.h5", "--data", data, "--json"})), found);
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
