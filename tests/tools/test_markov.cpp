// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate game markov, as scripts call it.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "command.hpp"
#include "interrupt.hpp"
#include "krate/io/hdf5.hpp"
#include "tools/plot.hpp"
#include "tools/png.hpp"

namespace krate::testing {
namespace {

using Words = std::vector<std::string>;

Words markov(std::string const& out, Words const& more = {}) {
  Words words{"game", "markov", "-o", out, "--json"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

TEST(Markov, FiguresAreThoseOfThePaper) {
  Scratch const scratch;
  std::string const out = scratch / "figures";
  auto const found = json_of(krate(markov(out, {"--figure", "all"})));
  ASSERT_TRUE(found.is_object());
  EXPECT_EQ(found["path"], out + "/markov.h5");
  EXPECT_EQ(found["random"], "mersenne");
  EXPECT_GT(found["stages_per_second_and_core"].get<double>(), 0);
  // potential_games.md 5.1
  std::vector<std::vector<double>> const table = {{0.1575, 0.0876, 0.1047, 0.0241, 0.0114},
                                                  {2.37, 5.36, 63.997, 46.6, 31.36},
                                                  {0.1576, 0.1352, 0.1047, 0.0241, 0.0114},
                                                  {1.1296, 0.6161, 0.8722, 0.3045, 1.6377},
                                                  {0.0103, 0.0113, 0.0154, 0.0244, 0.0126}};
  ASSERT_EQ(found["settings"].size(), 5u);
  for (std::size_t f = 0; f < 5; ++f) {
    auto const& figure = found["settings"][f];
    std::string const name = "figure" + std::to_string(f + 1);
    EXPECT_EQ(figure["name"], name);
    for (std::size_t r = 0; r < 5; ++r)
      EXPECT_NEAR(figure["nash_distance"][r].get<double>(), table[f][r], f == 1 ? 0.06 : 0.51e-4) << name;
    EXPECT_EQ(content_of(out + "/" + name + ".png").substr(1, 3), "PNG");
    std::string const csv = content_of(out + "/" + name + ".csv");
    EXPECT_EQ(csv.rfind("stage,player,policy_distance,policy_distance_deviation,q_distance,", 0), 0u);
    EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 1 + 1001 * figure["players"].get<int>());
  }
  EXPECT_EQ(found["settings"][3]["players"], 8);
  EXPECT_EQ(found["settings"][4]["rewards"], "individual");
  auto const& reached = found["settings"][0]["stage_of_nash_distance_0.1"];
  EXPECT_TRUE(reached[0].is_null());  // ends at 0.1575
  EXPECT_TRUE(reached[3].is_number_integer());

  auto const file = io::File::open(out + "/markov.h5");
  auto const stages = file.read_all<std::int64_t>("/stages");
  ASSERT_EQ(stages.size(), 1001u);
  EXPECT_EQ(stages[1], 100);
  EXPECT_EQ(stages.back(), 100000);
  std::vector<std::size_t> shape;
  auto const mean = file.read_all<double>("/figure1/nash_distance/mean", &shape);
  EXPECT_EQ(shape, (std::vector<std::size_t>{1001, 4}));
  auto const finals = file.read_all<double>("/figure1/final/nash_distance", &shape);
  EXPECT_EQ(shape, (std::vector<std::size_t>{5, 4}));
  auto const spread = file.read_all<double>("/figure1/nash_distance/deviation");
  for (std::size_t i = 0; i < 4; ++i) {
    double sum = 0, square = 0;
    for (std::size_t r = 0; r < 5; ++r) sum += finals[4 * r + i];
    for (std::size_t r = 0; r < 5; ++r) square += (finals[4 * r + i] - sum / 5) * (finals[4 * r + i] - sum / 5);
    EXPECT_NEAR(mean[4000 + i], sum / 5, 1e-14);
    EXPECT_NEAR(spread[4000 + i], std::sqrt(square / 4), 1e-14);
  }
  for (std::size_t i = 0; i < 4; ++i) {  // stage 100
    EXPECT_GT(mean[4 + i], 5);
    EXPECT_LT(mean[4 + i], 25);
  }
  file.read_all<double>("/figure4/final/policy", &shape);
  EXPECT_EQ(shape, (std::vector<std::size_t>{5, 8, 4, 2}));
  EXPECT_EQ(file.read_all<double>("/figure1/policy_distance/mean")[4000], 0);
  EXPECT_EQ(file.attributes("/figure2").get<double>("alpha_exponent"), 1);
}

Words const own = {
    "--players", "3",   "--routes", "3",    "--rewards",  "individual", "--transitions", "strategy-independent",
    "--tau",     "0.2", "--stages", "5000", "--replicas", "7",          "--records",     "20"};

TEST(Markov, OwnGamesRepeatAndSpeakToPeople) {
  Scratch const scratch;
  auto const one = json_of(krate(markov(scratch / "one", own))), two = json_of(krate(markov(scratch / "two", own)));
  ASSERT_EQ(one["settings"].size(), 1u);
  auto const& setting = one["settings"][0];
  EXPECT_EQ(setting["name"], "run");
  EXPECT_EQ(one["random"], "counter");
  EXPECT_EQ(setting["routes"], 3);
  EXPECT_EQ(setting["nash_distance"].size(), 7u);
  EXPECT_EQ(setting["nash_distance"], two["settings"][0]["nash_distance"]);
  EXPECT_EQ(content_of(scratch / "one/run.csv"), content_of(scratch / "two/run.csv"));
  Words other = own;
  other.insert(other.end(), {"--seed", "3"});
  auto const later = json_of(krate(markov(scratch / "later", other)));
  for (std::size_t r = 0; r < 5; ++r)  // the third seed is the third seed
    EXPECT_EQ(later["settings"][0]["nash_distance"][r], setting["nash_distance"][r + 2]);
  Words people = markov(scratch / "people", {"--stages", "1000", "--replicas", "2"});
  people.erase(std::find(people.begin(), people.end(), "--json"));
  auto const said = krate(people);
  EXPECT_EQ(said.exit_code, 0);
  EXPECT_NE(said.out.find("Nash distance after 1000 stages"), std::string::npos);
  EXPECT_NE(said.out.find("a second and core"), std::string::npos);
}

TEST(Markov, SeveralSettingsAtOnceAreThoseAlone) {
  Scratch const scratch;
  Words const more = {"--stages", "2000", "--replicas", "3", "--records", "10", "--beta-exponent", "1,0.8"};
  Words both = more;
  both.insert(both.end(), {"--tau", "0.2,1e-6"});
  auto const all = json_of(krate(markov(scratch / "all", both)));
  ASSERT_EQ(all["settings"].size(), 4u);
  EXPECT_EQ(all["settings"][3]["name"], "run4");
  EXPECT_EQ(all["settings"][2]["tau"], 1e-6);
  EXPECT_EQ(all["settings"][3]["beta_exponent"], 0.8);
  auto const alone = json_of(krate(
      markov(scratch / "alone", {"--stages", "2000", "--replicas", "3", "--records", "10", "--beta-exponent", "0.8"})));
  EXPECT_EQ(all["settings"][3]["nash_distance"], alone["settings"][0]["nash_distance"]);
  EXPECT_EQ(content_of(scratch / "all/run4.csv"), content_of(scratch / "alone/run.csv"));
  EXPECT_EQ(all["core_seconds_to_nash_distance_0.1"].size(), 4u);
  expect_failure(krate(markov(scratch / "bad", {"--tau", "1,-1"})), "--tau");
}

TEST(Markov, SmallestSizes) {
  Scratch const scratch;
  for (Words const& more : std::vector<Words>{{"--stages", "0"},
                                              {"--players", "1", "--stages", "50"},
                                              {"--routes", "1", "--stages", "50"},
                                              {"--replicas", "1", "--stages", "3", "--records", "1"},
                                              {"--crowd", "0", "--stages", "50"},
                                              {"--tau", "0", "--exploration", "0.1", "--stages", "50"}}) {
    SCOPED_TRACE(more[0] + " " + more[1]);
    auto const found = json_of(krate(markov(scratch / ("out" + more[0] + more[1]), more)));
    ASSERT_TRUE(found.is_object());
    for (auto const& d : found["settings"][0]["nash_distance"]) EXPECT_TRUE(d.is_number());
  }
}

TEST(Markov, ResumeHasTheBitsOfTheUninterruptedRun) {
  Scratch const scratch;
  for (std::string const random : {"counter", "mersenne"}) {
    std::string const out = scratch / ("stopped" + random), straight = scratch / ("straight" + random);
    Words const run{"--stages", "4000000", "--replicas", "3", "--records", "60", "--random", random};
    Words words = markov(out, run);
    words.insert(words.end(), {"--checkpoint-minutes", "0"});
    ASSERT_TRUE(interrupt(out, words)) << "it ended before it could be killed";
    expect_failure(krate(markov(out, run)), "is not empty");
    expect_failure(krate(markov(out, {"--resume", "--stages", "10"})), "--stages cannot stand beside --resume");
    auto const found = json_of(krate(markov(out, {"--resume"}))), whole = json_of(krate(markov(straight, run)));
    EXPECT_EQ(found["settings"], whole["settings"]);
    EXPECT_EQ(found["stages"], 4000000);
    EXPECT_EQ(content_of(out + "/run.csv"), content_of(straight + "/run.csv"));
    EXPECT_FALSE(std::filesystem::exists(out + "/checkpoint.h5"));
    EXPECT_TRUE(json_of(krate(markov(out, {"--resume"})))["finished"].get<bool>());
  }
  expect_failure(krate(markov(scratch / "nowhere", {"--resume"})), "has no checkpoint.h5");
}

#ifdef KRATE_MPIEXEC  // a build without MPI has no ranks to test
TEST(Markov, RanksShareTheReplicas) {
  Scratch const scratch;
  auto const one = json_of(krate(markov(scratch / "1", own)));
  for (int const ranks : {2, 4}) {
    std::string const name = std::to_string(ranks);
    auto const found = json_of(krate_ranks(ranks, markov(scratch / name, own)));
    EXPECT_EQ(one["settings"], found["settings"]);
    EXPECT_EQ(content_of(scratch / "1/run.csv"), content_of(scratch / (name + "/run.csv")));
  }
}

TEST(Markov, MoreRanksGoOnFromACheckpoint) {
  Scratch const scratch;
  Words const run{"--stages", "4000000", "--replicas", "3", "--records", "60"};
  Words words = markov(scratch / "stopped", run);
  words.insert(words.end(), {"--checkpoint-minutes", "0"});
  ASSERT_TRUE(interrupt(scratch / "stopped", words)) << "it ended before it could be killed";
  auto const found = json_of(krate_ranks(2, markov(scratch / "stopped", {"--resume"}))),
             whole = json_of(krate(markov(scratch / "straight", run)));
  EXPECT_EQ(found["settings"], whole["settings"]);
}
#endif

TEST(Markov, RefusesBadInput) {
  Scratch const scratch;
  std::vector<std::pair<Words, std::string>> const cases = {
      {{"--figure", "6"}, "--figure"},
      {{"--figure", "1", "--tau", "0.1"}, "--tau cannot stand beside --figure"},
      {{"--players", "0"}, "--players"},
      {{"--players", "x"}, "--players"},
      {{"--routes", "11"}, "--routes"},
      {{"--players", "10000", "--routes", "10"}, "--players"},
      {{"--crowd", "-1"}, "--crowd"},
      {{"--crowd", "9"}, "--crowd"},
      {{"--players", "100", "--routes", "8", "--crowd", "50"}, "--crowd"},
      {{"--discount", "1"}, "--discount"},
      {{"--rewards", "shared"}, "--rewards"},
      {{"--transitions", "none"}, "--transitions"},
      {{"--tau", "-1"}, "--tau"},
      {{"--tau", "nan"}, "--tau"},
      {{"--alpha-exponent", "-1"}, "--alpha-exponent"},
      {{"--beta-exponent", "inf"}, "--beta-exponent"},
      {{"--exploration", "2"}, "--exploration"},
      {{"--stages", "-1"}, "--stages"},
      {{"--replicas", "0"}, "--replicas"},
      {{"--records", "0"}, "--records"},
      {{"--seed", "-1"}, "--seed"},
      {{"--seed", "4294967295"}, "--seed"},
      {{"--checkpoint-minutes", "-1"}, "--checkpoint-minutes"},
      {{"--random", "dice"}, "--random"}};
  for (auto const& [more, part] : cases) {
    SCOPED_TRACE(more[0] + " " + more[1]);
    expect_failure(krate(markov(scratch / "out", more)), part);
  }
  EXPECT_EQ(scratch.count(), 0u);
  expect_failure(krate({"game", "markov"}), "-o");
  expect_failure(krate({"game"}), "game");
  scratch.write("file", "not a directory");
  expect_failure(krate(markov(scratch / "file")), "no directory");
  std::filesystem::create_directory(scratch / "taken");
  scratch.write("taken/mine", "mine");
  expect_failure(krate(markov(scratch / "taken")), "is not empty");
}

TEST(Plot, LinesBandsAndFrame) {
  tools::Series const line{.name = "a line", .x = {1, 10, 100}, .y = {3, 2, 1}, .spread = {0.5, 0.5, 0.5}};
  auto const image =
      tools::line_picture({line}, {.title = "title", .x_label = "x", .width = 300, .height = 200, .log_x = true});
  EXPECT_EQ(image.width, 300u);
  EXPECT_EQ(image.height, 200u);
  EXPECT_EQ(image.channels, 3u);
  std::size_t blue = 0, pale = 0;
  for (std::size_t row = 0; row < 200; ++row)
    for (std::size_t column = 0; column < 300; ++column) {
      auto const* const p = image.at(row, column);
      blue += p[0] < 20 && p[2] > 150;
      pale += p[0] > 200 && p[0] < 225 && p[2] > p[0] + 10;
    }
  EXPECT_GT(blue, 200u);
  EXPECT_GT(pale, 1000u);
  auto const empty = tools::line_picture({}, {.width = 100, .height = 80});
  EXPECT_EQ(empty.pixels.size(), 24000u);
  EXPECT_NO_THROW(tools::encode_png(empty));
}

}  // namespace
}  // namespace krate::testing
