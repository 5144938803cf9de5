// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The frame: help, version, usage errors, `krate info`, exit codes, ranks.
#include <unistd.h>

#include "command.hpp"
#include "krate/core/error.hpp"
#include "krate/version.hpp"
#include "tools/failure.hpp"
#include "tools/launch.hpp"
#include "tools/suggestion.hpp"

namespace krate::testing {
namespace {

TEST(Command, VersionIsOneLine) {
  auto const outcome = krate({"--version"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out, std::string("krate ") + version() + "\n");
  EXPECT_EQ(outcome.err, "");
}

TEST(Command, HelpHasAnExampleForEachCommand) {
  std::vector<std::vector<std::string>> const commands = {
      {}, {"info"}, {"data"}, {"data", "digits"}, {"data", "mnist"}, {"data", "csv"}, {"rate"}, {"report"}};
  for (auto words : commands) {
    words.push_back("--help");
    auto const outcome = krate(words);
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_NE(outcome.out.find("Example"), std::string::npos) << outcome.out;
    EXPECT_EQ(outcome.err, "");
  }
}

TEST(Command, WithoutACommandShowsHelpAndFails) {
  auto const outcome = krate({});
  EXPECT_GT(outcome.exit_code, 0);
  EXPECT_NE(outcome.out.find("info"), std::string::npos);
  EXPECT_EQ(own_lines(outcome.err).size(), 1u);
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1);
}

TEST(Command, UsageErrorsAreOneLine) {
  expect_failure(krate({"infos"}), "the nearest is info");
  expect_failure(krate({"info", "--peak"}), "the nearest is --peaks");
  expect_failure(krate({"info", "extra"}), "extra");
  expect_failure(krate({"--nonsense"}), "--nonsense");
  expect_failure(krate({"data"}), "one of digits, mnist, cifar10, images, csv");
  expect_failure(krate({"data", "digit", "-o", "x.h5"}), "the nearest is digits");
  expect_failure(krate({"data", "digits"}), "--output is required");
  expect_failure(krate({"data", "digits", "-o"}), "--output");
  expect_failure(krate({"rate"}), "required");
  expect_failure(krate({"rate", "x.h5", "--eps-squared", "much"}), "--eps-squared");
  expect_failure(krate({"info", "a\nb"}), "a b");
}

TEST(Command, FullStandardOutputIsAFailure) {
  Scratch const scratch;
  std::string const script = command_path() + " info --json > /dev/full 2> " + scratch / "err";
  EXPECT_NE(std::system(script.c_str()), 0);
  EXPECT_EQ(own_lines(content_of(scratch / "err")).size(), 1u);
}

TEST(Command, InfoAsJsonHasTheKeys) {
  auto const info = json_of(krate({"info", "--json"}));
  for (auto const* key : {"version", "commit", "build", "devices", "processor", "memory", "simd_width", "threads",
                          "pinning", "vendor", "mpi", "hdf5", "advice", "peaks"}) {
    EXPECT_TRUE(info.contains(key)) << key;
  }
  EXPECT_EQ(info["version"], version());
  EXPECT_TRUE(info["peaks"].is_null());
  EXPECT_GE(info["simd_width"].get<int>(), 1);
  EXPECT_EQ(info["mpi"]["ranks"], 1);
}

TEST(Command, InfoForPeopleIsQuietOnStderr) {
  auto const outcome = krate({"info"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.err, "");
  EXPECT_NE(outcome.out.find(version()), std::string::npos);
}

TEST(Command, InfoMeasuresPeaks) {
  auto const peaks = json_of(krate({"info", "--peaks", "--json"}))["peaks"];
  ASSERT_TRUE(peaks.is_object());
  EXPECT_GT(peaks["float_gflop_per_s"].get<double>(), 0.1);
  EXPECT_GT(peaks["double_gflop_per_s"].get<double>(), 0.1);
  EXPECT_GT(peaks["triad_gb_per_s"].get<double>(), 0.1);
}

#ifdef KRATE_COMMAND_HAS_THREADS
TEST(Command, ThreadsFollowTheEnvironmentElseTheCores) {
  Environment const free = {{"OMP_NUM_THREADS", ""}, {"OMP_PROC_BIND", ""}, {"OMP_PLACES", ""}};
  auto const info = json_of(krate({"info", "--json"}, free));
  EXPECT_EQ(info["threads"], info["processor"]["cores"]);
  EXPECT_EQ(info["pinning"]["pinned"].get<bool>(), info["processor"]["cores"].get<int>() > 1);
  Environment one = free;
  one["OMP_NUM_THREADS"] = "1";
  EXPECT_EQ(json_of(krate({"info", "--json"}, one))["threads"], 1);
  Environment loose = free;
  loose["OMP_PROC_BIND"] = "false";
  loose["OMP_NUM_THREADS"] = "2";
  auto const moved = json_of(krate({"info", "--json"}, loose));
  EXPECT_FALSE(moved["pinning"]["pinned"].get<bool>());
  EXPECT_NE(moved["advice"].dump().find("OMP_PROC_BIND"), std::string::npos);
}
#endif

#ifdef KRATE_MPIEXEC  // a build without MPI has no ranks to test
TEST(Command, RanksSpeakOnce) {
  auto const info = json_of(krate_ranks(2, {"info", "--json"}));
  EXPECT_EQ(info["mpi"]["ranks"], 2);
  auto const version = krate_ranks(2, {"--version"});
  EXPECT_EQ(std::count(version.out.begin(), version.out.end(), '\n'), 1);
}

TEST(Command, RanksFailTogetherInOneLine) {
  for (auto const& words :
       std::vector<std::vector<std::string>>{{"info", "--peak"}, {"rate", "missing.h5", "--eps-squared", "1"}}) {
    auto const outcome = krate_ranks(2, words);
    EXPECT_GT(outcome.exit_code, 0);
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(own_lines(outcome.err).size(), 1u) << outcome.err;
  }
}

TEST(Command, ALoneFailureEndsAllRanks) {
  auto const outcome = krate_ranks(2, {}, lone_failure_path());
  EXPECT_GT(outcome.exit_code, 0);
  ASSERT_EQ(own_lines(outcome.err).size(), 1u) << outcome.err;
  EXPECT_EQ(own_lines(outcome.err)[0], "krate: test: rank 1 alone failed; this is a test");
}

TEST(Command, AKilledRankEndsAllRanks) {
  EXPECT_GT(krate_ranks(2, {"kill"}, lone_failure_path()).exit_code, 0);
}
#endif

TEST(Failure, FlattensMessages) {
  EXPECT_EQ(tools::on_one_line("a\n  b\tc \r\n"), "a b c");
  auto const failure =
      tools::describe(std::make_exception_ptr(ValueError("krate::ista", "eta = -1,\nbut")), "krate rate");
  EXPECT_EQ(failure.line, "krate: ista: eta = -1, but");
  auto const nested = tools::describe(std::make_exception_ptr(IoError("krate::io::File::open", "a::b")), "krate rate");
  EXPECT_EQ(nested.line, "krate: io.File.open: a::b");
  auto const foreign = tools::describe(std::make_exception_ptr(std::runtime_error("odd\nthing")), "krate rate");
  EXPECT_EQ(foreign.line, "krate: rate: odd thing");
  auto const memory = tools::describe(std::make_exception_ptr(std::bad_alloc()), "krate data csv");
  EXPECT_EQ(memory.line.rfind("krate: data csv: not enough memory", 0), 0u);
}

TEST(Failure, SuggestsTheNearestName) {
  EXPECT_EQ(tools::edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(tools::nearest("epoch", {"seed", "epochs", "batch"}), "epochs");
  EXPECT_EQ(tools::nearest("x", {}), "");
}

TEST(Launch, FindsCores) {
  EXPECT_GE(tools::available_cores().size(), 1u);
}

}  // namespace
}  // namespace krate::testing
