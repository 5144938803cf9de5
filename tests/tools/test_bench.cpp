// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate bench CASE and list, as scripts call them. Nothing here depends on how fast the machine is.
#include <Kokkos_Core.hpp>

#include "command.hpp"
#include "tools/memory.hpp"

namespace krate::testing {
namespace {

using Words = std::vector<std::string>;

Words const tiny_model = {"--model",      "crate", "--dim",        "12", "--depth",   "2", "--heads", "3",
                          "--image-size", "8",     "--patch-size", "4",  "--classes", "5", "--batch", "4"};

Words bench(Words words, Words const& more = {}) {
  words.insert(words.begin(), "bench");
  words.insert(words.end(), more.begin(), more.end());
  return words;
}
nlohmann::json record(Words words, Words const& more = {}) {
  auto all = bench(std::move(words), more);
  all.insert(all.end(), {"--repeat", "2", "--json"});
  return json_of(krate(all));
}

void expect_record(nlohmann::json const& r, std::string const& name) {
  ASSERT_TRUE(r.is_object());
  std::vector<std::string> keys;
  for (auto const& [key, value] : r.items()) keys.push_back(key);
  EXPECT_EQ(keys, (std::vector<std::string>{"bytes", "case", "config", "device", "flops", "gb_per_s", "gflop_per_s",
                                            "peak_bytes", "ranks", "repeat", "roof_percent", "seconds_median",
                                            "seconds_min", "threads"}));
  EXPECT_EQ(r["case"], name);
  EXPECT_TRUE(r["config"].is_object());
  for (auto const* key : {"flops", "bytes", "peak_bytes", "ranks", "repeat", "threads"})
    EXPECT_TRUE(r[key].is_number_unsigned()) << key;
  for (auto const* key : {"gb_per_s", "gflop_per_s", "roof_percent", "seconds_median", "seconds_min"}) {
    ASSERT_TRUE(r[key].is_number_float()) << key;
    EXPECT_GT(r[key].get<double>(), 0) << key;
  }
  EXPECT_TRUE(r["device"].is_string());
  EXPECT_GE(r["seconds_median"].get<double>(), r["seconds_min"].get<double>());
  double const flops = r["flops"].get<double>(), bytes = r["bytes"].get<double>(),
               best = r["seconds_min"].get<double>();
  EXPECT_GT(flops, 0);
  EXPECT_GT(bytes, 0);
  EXPECT_NEAR(r["gflop_per_s"].get<double>(), 1e-9 * flops / best, 1e-9 * flops / best * 1e-9);
  EXPECT_NEAR(r["gb_per_s"].get<double>(), 1e-9 * bytes / best, 1e-9 * bytes / best * 1e-9);
}

TEST(Bench, TheKeysStandInTheOrderOfTheContract) {
  auto const out =
      krate(bench({"mssa", "--batch", "1", "--heads", "2", "--tokens", "5", "--head-dim", "4", "--json"})).out;
  std::size_t at = 0;
  for (auto const* key : {"case", "config", "repeat", "seconds_min", "seconds_median", "flops", "bytes", "gflop_per_s",
                          "gb_per_s", "roof_percent", "peak_bytes", "device", "threads", "ranks"}) {
    auto const next = out.find("\"" + std::string(key) + "\":");
    ASSERT_NE(next, out.npos) << key;
    EXPECT_GE(next, at) << key;
    at = next;
  }
  EXPECT_NE(out.find("\"repeat\":7"), out.npos);
}

TEST(Bench, EveryCaseRuns) {
  expect_record(record({"infer"}, tiny_model), "infer");
  expect_record(record({"step"}, tiny_model), "step");
  expect_record(record({"step", "--precision", "bf16"}, tiny_model), "step");
  expect_record(record({"infer", "--precision", "bf16"}, tiny_model), "infer");
  expect_record(record({"rate", "--samples", "30", "--dim", "4"}), "rate");
  expect_record(record({"rate", "--samples", "30", "--dim", "4", "--classes", "3"}), "rate");
  expect_record(record({"rate", "--samples", "30", "--dim", "4", "--value"}), "rate");
  expect_record(record({"markov", "--players", "3", "--routes", "3", "--replicas", "2", "--stages", "100"}), "markov");
  expect_record(record({"markov", "--stages", "100", "--random", "mersenne"}), "markov");
  expect_record(record({"ctrl", "--games", "2", "--inner-steps", "10"}), "ctrl");
  expect_record(record({"flatnet", "--samples", "60", "--dim", "6", "--manifold-dim", "2", "--steps", "3"}), "flatnet");
  expect_record(record({"product", "--size", "16"}), "product");
  expect_record(record({"triad", "--elements", "100"}), "triad");
  expect_record(record({"step", "--precision", "fp64", "--image-size", "8x12", "--patch-size", "4x6"},
                       {"--dim", "12", "--depth", "1", "--heads", "1", "--classes", "5", "--batch", "2"}),
                "step");
}

TEST(Bench, OptionsChangeWhatIsCounted) {
  Words const ista = {"ista", "--tokens", "3", "--dim", "2"};
  auto const forward = record(ista), both = record(ista, {"--backward"}), twice = record(ista, {"--precision", "fp64"});
  expect_record(forward, "ista");
  // The fold, 12 for D^T D and three operations each of 4; 3 x 2 x 2 multiply-adds and 2 operations of
  // each of 6 elements; 6 + 4 + 6 numbers. tests/perf/test_costs.hpp has the rest.
  EXPECT_EQ(forward["flops"], 60);
  EXPECT_EQ(forward["bytes"], 64);
  EXPECT_EQ(both["flops"], 166);
  EXPECT_EQ(twice["flops"], 60);
  EXPECT_EQ(twice["bytes"], 128);
  EXPECT_EQ(forward["config"], (nlohmann::json{{"tokens", 3}, {"dim", 2}, {"backward", false}, {"precision", "fp32"}}));
  EXPECT_EQ(both["config"]["backward"], true);
  EXPECT_EQ(twice["config"]["precision"], "fp64");
  Words const mssa = {"mssa", "--batch", "2", "--heads", "1", "--tokens", "3", "--head-dim", "2"};
  EXPECT_EQ(record(mssa)["flops"], 324);
  EXPECT_EQ(record(mssa, {"--backward"})["flops"], 936);
  EXPECT_EQ(record(mssa, {"--causal"})["flops"], 276);
  Words const tssa = {"tssa", "--batch", "2", "--heads", "1", "--tokens", "3", "--head-dim", "2"};
  EXPECT_EQ(record(tssa)["flops"], 120);
  EXPECT_EQ(record(tssa, {"--causal", "--backward"})["flops"], 744);
  EXPECT_EQ(record(mssa, {"--causal", "--backward"})["flops"], 792);
}

TEST(Bench, PeakMemoryHoldsTheCase) {
  // Three arrays of 32 MB; what the process had before does not count.
  double const bytes = record({"triad", "--elements", "8000000"})["peak_bytes"].get<double>();
  EXPECT_GT(bytes, 90e6);
  EXPECT_LT(bytes, 200e6);
}

TEST(Bench, AllocationsAreCountedBySpace) {
  ASSERT_TRUE(Kokkos::is_initialized());
  tools::count_allocations("Host");
  auto const start = tools::allocated_bytes();
  {
    Kokkos::View<double*, Kokkos::HostSpace> const a("krate::test::a", 1000);
    EXPECT_GE(tools::allocated_bytes(), start + 8000);
    { Kokkos::View<double*, Kokkos::HostSpace> const b("krate::test::b", 1000); }
    EXPECT_GE(tools::peak_allocated_bytes(), start + 16000);
    tools::reset_peak_allocated();
    EXPECT_LT(tools::peak_allocated_bytes(), start + 16000);
  }
  EXPECT_EQ(tools::allocated_bytes(), start);
  tools::count_allocations("nowhere");
  Kokkos::View<double*, Kokkos::HostSpace> const c("krate::test::c", 1000);
  EXPECT_EQ(tools::peak_allocated_bytes(), 0u);
}

TEST(Bench, ListNamesTheCases) {
  auto const list = json_of(krate({"bench", "list", "--json"}));
  std::vector<std::string> names;
  for (auto const& c : list["cases"]) names.push_back(c["case"]);
  EXPECT_EQ(names, (std::vector<std::string>{"infer", "step", "mssa", "mhsa", "tssa", "ista", "csc", "rate", "markov",
                                             "ctrl", "flatnet", "in-situ", "product", "triad"}));
  EXPECT_EQ(list["cases"][1]["config"]["image_size"], 224);
  auto const shown = krate({"bench", "list"});
  EXPECT_NE(shown.out.find("mssa     Subspace attention: --batch 8 --heads 12 --tokens 197 --head-dim 48 [--backward]"),
            shown.out.npos)
      << shown.out;
}

TEST(Bench, ForPeopleItIsAFewLines) {
  auto const outcome = krate(bench({"ista", "--tokens", "3", "--dim", "2", "--repeat", "1"}));
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 5) << outcome.out;
}

TEST(Bench, HelpSaysWhatIsTimed) {
  for (auto const* name : {"infer", "step", "mssa", "mhsa", "tssa", "ista", "csc", "rate", "in-situ", "markov", "ctrl",
                           "flatnet", "product", "triad"}) {
    auto const outcome = krate({"bench", name, "--help"});
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_NE(outcome.out.find("Timed:"), outcome.out.npos) << name;
    EXPECT_NE(outcome.out.find("Example"), outcome.out.npos) << name;
  }
}

TEST(Bench, BadOptionsGetOneClearError) {
  auto const fails = [](Words const& words, std::string const& part, int exit_code = 2) {
    auto const outcome = krate(bench(words));
    expect_failure(outcome, part);
    EXPECT_EQ(outcome.exit_code, exit_code) << outcome.err;
  };
  fails({}, "one of infer, step, mssa, mhsa, tssa");
  fails({"msa"}, "the nearest is mssa");
  fails({"ista", "--token", "3"}, "--tokens");
  fails({"mssa", "--tokens", "0"}, "--tokens = 0");
  fails({"mssa", "--heads", "-1"}, "--heads = -1");
  fails({"mssa", "--batch", "two"}, "--batch = two");
  fails({"ista", "--dim", "99999999999999999999"}, "--dim");
  fails({"ista", "--backward=maybe"}, "--backward");
  fails({"ista", "--heads", "2"}, "--heads");
  fails({"rate", "--classes", "-2"}, "--classes = -2");
  fails({"infer", "--heads", "7"}, "heads");
  fails({"infer", "--patch-size", "15"}, "patch_size");
  fails({"infer", "--image-size", "0"}, "--image-size");
  fails({"step", "--model", "perceiver"}, "--model = perceiver");
  fails({"step", "--precision", "fp16"}, "--precision = fp16");
  fails({"mssa", "--precision", "bf16"}, "not built yet", 1);
  fails({"ista", "--repeat", "0"}, "--repeat = 0");
  fails({"ista", "--repeat", "-3"}, "--repeat = -3");
  fails({"ista", "--repeat", "x"}, "--repeat");
  fails({"triad", "extra"}, "extra");
  // Sizes whose products overflow.
  fails({"mssa", "--batch", "16777216", "--heads", "16777216", "--tokens", "16777216", "--head-dim", "16777216"},
        "of memory, but this machine has");
  fails({"ista", "--tokens", "16777216", "--dim", "16777216"}, "of memory");
  fails({"rate", "--samples", "16777216", "--dim", "16777216", "--classes", "16777216"}, "of memory");
  fails({"product", "--size", "16777216"}, "of memory");
  fails({"triad", "--elements", "1099511627776"}, "of memory");
  fails({"step", "--dim", "16777216", "--heads", "16777216", "--image-size", "16777216", "--patch-size", "1", "--batch",
         "16777216"},
        "of memory");
  fails({"step", "--depth", "16777216"}, "depth = 16777216, but it must be at most 10000");
}

#ifdef KRATE_MPIEXEC  // a build without MPI has no ranks to test
TEST(Bench, RanksAddUpAndOneSpeaks) {
  Words const words = bench({"step"}, tiny_model), many = {"--repeat", "2", "--json"};
  auto with = words;
  with.insert(with.end(), many.begin(), many.end());
  auto const one = json_of(krate(with)), two = json_of(krate_ranks(2, with));
  expect_record(two, "step");
  EXPECT_EQ(two["ranks"], 2);
  EXPECT_EQ(two["config"], one["config"]);
  EXPECT_GT(two["flops"], one["flops"]);  // the update is done by each rank
  EXPECT_LT(two["flops"].get<double>(), 2 * one["flops"].get<double>());
  // More ranks than images.
  auto few = words;
  few.back() = "1";
  few.insert(few.end(), many.begin(), many.end());
  expect_record(json_of(krate_ranks(2, few)), "step");
  // Cases without a batch to share run on each rank.
  Words const ista = bench({"ista", "--tokens", "3", "--dim", "2", "--json"});
  EXPECT_EQ(json_of(krate_ranks(2, ista))["flops"], 120);
  auto const failed = krate_ranks(2, bench({"mssa", "--tokens", "0"}));
  EXPECT_GT(failed.exit_code, 0);
  EXPECT_EQ(own_lines(failed.err).size(), 1u) << failed.err;
}
#endif

}  // namespace
}  // namespace krate::testing
