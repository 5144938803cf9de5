// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate game ctrl and krate data subspaces, as scripts call them.
#include <algorithm>
#include <cmath>

#include "command.hpp"
#include "interrupt.hpp"
#include "krate/io/dataset.hpp"
#include "tools/png.hpp"
#include "tools/subspaces.hpp"

namespace krate::testing {
namespace {

using Words = std::vector<std::string>;

Words ctrl(std::string const& out, Words const& more = {}) {
  Words words{"game", "ctrl", "-o", out, "--json"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

Words const few = {"--dim", "9",       "--subspaces", "2,3",           "--samples", "20,30",      "--width",
                   "7",     "--batch", "8",           "--inner-steps", "20",        "--replicas", "5"};

TEST(Ctrl, SubspacesAreWhatTheySay) {
  Scratch const scratch;
  std::string const path = scratch / "d.h5";
  auto const made = json_of(krate({"data", "subspaces", "--dim", "8", "--subspaces", "1,2", "--samples", "9,7",
                                   "--orthogonal", "-o", path, "--json"}));
  EXPECT_EQ(made["samples"], 32);
  EXPECT_EQ(made["classes"], 2);
  EXPECT_EQ(made["test"], 16);
  auto const table = io::Dataset::open(path).load();
  double across = 0;
  for (std::size_t i = 0; i < 32; ++i)
    for (std::size_t k = 0; k < 32; ++k) {
      double a[8], b[8], sum = 0;
      table.get(i, a);
      table.get(k, b);
      for (int c = 0; c < 8; ++c) sum += a[c] * b[c];
      if (table.label(i) != table.label(k)) across = std::max(across, std::abs(sum));
    }
  EXPECT_LE(across, 1e-13);
  tools::SubspaceOptions options{.dim = 400, .dimensions = {3}, .samples = {200}, .noise = 0.5};
  auto const noisy = tools::subspace_samples(options, 0);
  options.noise = 0;
  auto const clean = tools::subspace_samples(options, 0), other = tools::subspace_samples(options, 1);
  double noise = 0, signal = 0;
  for (std::size_t k = 0; k < clean.rows.size(); ++k) {
    noise += std::pow(noisy.rows[k] - clean.rows[k], 2) / 200;
    signal += clean.rows[k] * clean.rows[k] / 200;
  }
  EXPECT_NEAR(noise, 0.5, 0.02);
  EXPECT_NEAR(signal, 3, 0.6);  // unit directions, though not orthogonal ones
  EXPECT_NE(clean.rows, other.rows);
  EXPECT_EQ(clean.rows, tools::subspace_samples(options, 0).rows);
  for (auto const& [word, value] : std::vector<std::pair<std::string, std::string>>{
           {"--dim", "0"}, {"--subspaces", "60"}, {"--samples", "3,4"}, {"--noise", "-1"}, {"--difference", "2"}})
    expect_failure(krate({"data", "subspaces", word, value, "-o", scratch / "no.h5"}), word);
  expect_failure(krate({"data", "subspaces", "--subspaces", "30,30", "--orthogonal", "-o", scratch / "no.h5"}),
                 "--subspaces");
}

TEST(Ctrl, FigureOne) {
  Scratch const scratch;
  std::string const out = scratch / "one";
  auto const found = json_of(krate(ctrl(out, {"--figure", "1", "--inner-steps", "100"})));
  ASSERT_TRUE(found.is_object());
  auto const& figure = found["settings"][0];
  EXPECT_EQ(figure["name"], "figure1");
  EXPECT_EQ(figure["steps"], 60);
  EXPECT_NEAR(figure["equilibrium"].get<double>(), 3.961864, 1e-6);
  EXPECT_GE(figure["expansion"][0].get<double>(), 3.4);
  EXPECT_LE(figure["mean_cosine"][0].get<double>(), 0.15);
  auto const file = io::File::open(out + "/ctrl.h5");
  std::vector<std::size_t> shape;
  auto const values = file.read_all<double>("/figure1/singular_values/codes/all", &shape);
  EXPECT_EQ(shape, (std::vector<std::size_t>{40}));
  EXPECT_GT(values[11], 5);
  EXPECT_LT(values[12], 1e-4 * values[0]);
  file.read_all<double>("/figure1/expansion", &shape);
  EXPECT_EQ(shape, (std::vector<std::size_t>{1, 60}));
  EXPECT_EQ(content_of(out + "/figure1.csv").rfind("step,expansion,expansion_deviation,", 0), 0u);
  auto const cosine = tools::decode_png(content_of(out + "/figure1_cosine.png"), "cosine");
  EXPECT_EQ(cosine.width, 4 * 240u + 3 * 8);
  EXPECT_GT(tools::decode_png(content_of(out + "/figure1.png"), "curves").width, 1000u);
}

TEST(Ctrl, OwnGamesRepeat) {
  Scratch const scratch;
  auto const one = json_of(krate(ctrl(scratch / "one", few))), two = json_of(krate(ctrl(scratch / "two", few)));
  EXPECT_EQ(one["settings"], two["settings"]);
  EXPECT_EQ(one["settings"][0]["expansion"].size(), 5u);
  EXPECT_EQ(content_of(scratch / "one/run.csv"), content_of(scratch / "two/run.csv"));
  Words other = few;
  other.insert(other.end(), {"--seed", "1339"});
  auto const later = json_of(krate(ctrl(scratch / "later", other)));
  for (std::size_t r = 0; r < 3; ++r)
    EXPECT_EQ(later["settings"][0]["expansion"][r], one["settings"][0]["expansion"][r + 2]);
  Words people = ctrl(scratch / "people", few);
  people.erase(std::find(people.begin(), people.end(), "--json"));
  auto const said = krate(people);
  EXPECT_EQ(said.exit_code, 0);
  EXPECT_NE(said.out.find("closed form"), std::string::npos);
}

TEST(Ctrl, ExactFollowerSingleSubspaceAndOnesOwnSamples) {
  Scratch const scratch;
  auto const exact = json_of(krate(ctrl(scratch / "exact", {"--follower", "exact", "--batch", "0", "--epochs", "600",
                                                            "--encoder-rate", "0.05"})))["settings"][0];
  EXPECT_LE(exact["inconsistency"][0].get<double>(), 1e-10);
  EXPECT_NEAR(exact["expansion"][0].get<double>(), 3.96, 0.1);  // on other samples
  auto const single = json_of(krate(ctrl(scratch / "single", {"--single", "--inner-steps", "10"})))["settings"][0];
  EXPECT_EQ(single["subspaces"], (std::vector<int>{10}));
  EXPECT_GT(single["expansion"][0].get<double>(), 5);
  EXPECT_LE(single["largest_distance_ratio"][0].get<double>(), 1 + 1e-9);
  json_of(krate(
      {"data", "subspaces", "--dim", "6", "--subspaces", "1,2", "--samples", "30", "-o", scratch / "d.h5", "--json"}));
  auto const own = json_of(krate(
      ctrl(scratch / "own", {"--data", scratch / "d.h5", "--width", "5", "--inner-steps", "5", "--batch", "20"})));
  EXPECT_EQ(own["settings"][0]["steps"], 6);
  EXPECT_TRUE(own["settings"][0]["equilibrium"].is_null());
}

/// A few samples like digits in form: images [1, 6, 6], labels, and a split.
std::string few_images(Scratch const& scratch) {
  std::vector<float> images;
  std::vector<std::int32_t> labels;
  std::vector<std::uint8_t> split;
  for (int n = 0; n < 260; ++n) {
    for (int p = 0; p < 36; ++p) images.push_back(static_cast<float>((n % 4 == p % 4) + 0.1 * std::sin(n * p)));
    labels.push_back(n % 4);
    split.push_back(n >= 220);
  }
  io::write_dataset(scratch / "images.h5", {},
                    {.kind = io::SampleKind::images,
                     .sample_shape = {1, 6, 6},
                     .samples = std::span<float const>(images),
                     .labels = labels,
                     .split = split,
                     .classes = 4});
  return scratch / "images.h5";
}

TEST(Ctrl, FigureFourHasNetworksAndTheKeysOfFigureThree) {
  Scratch const scratch;
  auto const data = few_images(scratch);
  auto const figure = [&](std::string const& which) {
    return json_of(krate(ctrl(scratch / which, {"--figure", which, "--data", data, "--inner-steps", "2"})));
  };
  auto const three = figure("3"), four = figure("4");
  auto const &of_maps = three["settings"][0], &of_networks = four["settings"][0];
  EXPECT_EQ(of_networks["hidden"], 150);
  EXPECT_EQ(of_networks["steps"], 2);  // of 200 samples and of 20
  for (auto const& [key, value] : of_maps.items()) {
    EXPECT_TRUE(of_networks.contains(key)) << key;
    if (key == "name" || value.is_array()) continue;
    EXPECT_EQ(of_networks[key], value) << key;
  }
  for (auto const* key : {"expansion", "inconsistency", "largest_cosine"})
    EXPECT_GT(of_networks[key][0].get<double>(), 0) << key;
  auto const first_line = [&](std::string const& path) {
    auto const text = content_of(scratch / path);
    return text.substr(0, text.find('\n'));
  };
  EXPECT_EQ(first_line("4/figure4.csv"), first_line("3/figure3.csv"));
  auto const file = io::File::open(scratch / "4/ctrl.h5");
  EXPECT_EQ(file.info("/figure4/encoder").shape, (std::vector<std::size_t>{1, 150 * 37 + 150 * 151}));
  EXPECT_EQ(file.info("/figure4/decoder").shape, (std::vector<std::size_t>{1, 150 * 151 + 36 * 151}));
  auto const values = file.read_all<double>("/figure4/singular_values/codes/all");
  double square = 0;
  for (double const v : values) square += v * v;
  EXPECT_NEAR(square, 40, 1e-8);  // codes of 40 test samples on the sphere
  EXPECT_EQ(tools::decode_png(content_of(scratch / "4/figure4_cosine.png"), "cosine").width,
            tools::decode_png(content_of(scratch / "3/figure3_cosine.png"), "cosine").width);
}

Words const few_networks = {"--dim",   "9", "--subspaces", "2,3", "--samples",     "20,30", "--width",    "7",
                            "--batch", "8", "--hidden",    "11",  "--inner-steps", "4",     "--replicas", "3"};

TEST(Ctrl, NetworksRepeatAndGoOn) {
  Scratch const scratch;
  auto const one = json_of(krate(ctrl(scratch / "one", few_networks))),
             two = json_of(krate(ctrl(scratch / "two", few_networks)));
  EXPECT_EQ(one["settings"], two["settings"]);
  EXPECT_EQ(one["settings"][0]["expansion"].size(), 3u);
  EXPECT_NE(one["settings"][0]["expansion"][0], one["settings"][0]["expansion"][1]);
  EXPECT_TRUE(one["settings"][0]["equilibrium"].is_null());
  EXPECT_EQ(content_of(scratch / "one/run.csv"), content_of(scratch / "two/run.csv"));
  Words run = few_networks, words;
  run.insert(run.end(), {"--epochs", "200"});
  words = ctrl(scratch / "stopped", run);
  words.insert(words.end(), {"--checkpoint-minutes", "0"});
  ASSERT_TRUE(interrupt(scratch / "stopped", words)) << "it ended before it could be killed";
  auto const found = json_of(krate(ctrl(scratch / "stopped", {"--resume"}))),
             whole = json_of(krate(ctrl(scratch / "straight", run)));
  EXPECT_EQ(found["settings"], whole["settings"]);
  EXPECT_EQ(content_of(scratch / "stopped/run.csv"), content_of(scratch / "straight/run.csv"));
#ifdef KRATE_MPIEXEC
  for (int const ranks : {2, 4}) {
    std::string const name = std::to_string(ranks);
    EXPECT_EQ(json_of(krate_ranks(ranks, ctrl(scratch / name, few_networks)))["settings"], one["settings"]);
    EXPECT_EQ(content_of(scratch / (name + "/run.csv")), content_of(scratch / "one/run.csv"));
  }
#endif
}

TEST(Ctrl, ResumeHasTheBitsOfTheUninterruptedRun) {
  Scratch const scratch;
  std::string const out = scratch / "stopped", straight = scratch / "straight";
  Words run = few;
  run.insert(run.end(), {"--epochs", "1000"});
  Words words = ctrl(out, run);
  words.insert(words.end(), {"--checkpoint-minutes", "0"});
  ASSERT_TRUE(interrupt(out, words)) << "it ended before it could be killed";
  expect_failure(krate(ctrl(out, run)), "is not empty");
  expect_failure(krate(ctrl(out, {"--resume", "--width", "10"})), "--width cannot stand beside --resume");
  auto const found = json_of(krate(ctrl(out, {"--resume"}))), whole = json_of(krate(ctrl(straight, run)));
  EXPECT_EQ(found["settings"], whole["settings"]);
  EXPECT_EQ(content_of(out + "/run.csv"), content_of(straight + "/run.csv"));
  EXPECT_FALSE(std::filesystem::exists(out + "/checkpoint.h5"));
  EXPECT_TRUE(json_of(krate(ctrl(out, {"--resume"})))["finished"].get<bool>());
  expect_failure(krate(ctrl(scratch / "nowhere", {"--resume"})), "has no checkpoint.h5");
}

/// Numbers up to rounding: what is measured of a game's end goes through products of any number of threads.
void expect_close(nlohmann::json const& found, nlohmann::json const& expected) {
  ASSERT_EQ(found.size(), expected.size());
  if (expected.is_number()) {
    EXPECT_NEAR(found.get<double>(), expected.get<double>(), 1e-12 * std::abs(expected.get<double>()));
  } else if (expected.is_object()) {
    for (auto const& [key, value] : expected.items()) expect_close(found.at(key), value);
  } else if (expected.is_array()) {
    for (std::size_t i = 0; i < expected.size(); ++i) expect_close(found[i], expected[i]);
  } else {
    EXPECT_EQ(found, expected);
  }
}

TEST(Ctrl, SettingsOfOneLaunchAreEachTheirOwn) {
  Scratch const scratch;
  Words const few_steps{"--inner-steps", "5", "--replicas", "2", "--figure"};
  auto const figure = [&](std::string const& name) {
    Words words = few_steps;
    words.push_back(name);
    return json_of(krate(ctrl(scratch / name, words)))["settings"];
  };
  auto const one = figure("1"), widths = figure("D9");
  ASSERT_EQ(widths.size(), 4u);
  EXPECT_EQ(widths[2]["width"], 40);
  EXPECT_EQ(widths[2]["expansion"], one[0]["expansion"]);
  EXPECT_EQ(content_of(scratch / "D9/D9_width40.csv"), content_of(scratch / "1/figure1.csv"));
#ifdef KRATE_MPIEXEC
  Words words = few_steps;
  words.push_back("D9");
  expect_close(json_of(krate_ranks(4, ctrl(scratch / "ranks", words)))["settings"], widths);
  EXPECT_EQ(content_of(scratch / "ranks/D9_width40.csv"), content_of(scratch / "D9/D9_width40.csv"));
#endif
}

#ifdef KRATE_MPIEXEC
TEST(Ctrl, RanksShareTheGames) {
  Scratch const scratch;
  auto const one = json_of(krate(ctrl(scratch / "1", few)));
  for (int const ranks : {2, 4}) {
    std::string const name = std::to_string(ranks);
    auto const found = json_of(krate_ranks(ranks, ctrl(scratch / name, few)));
    EXPECT_EQ(one["settings"], found["settings"]);
    EXPECT_EQ(content_of(scratch / "1/run.csv"), content_of(scratch / (name + "/run.csv")));
  }
}
#endif

TEST(Ctrl, RefusesBadInput) {
  Scratch const scratch;
  std::vector<std::pair<Words, std::string>> const cases = {
      {{"--figure", "7"}, "--figure"},
      {{"--figure", "1", "--width", "9"}, "--width cannot stand beside --figure"},
      {{"--figure", "1", "--noise", "1"}, "--noise cannot stand beside --figure"},
      {{"--figure", "3"}, "--figure 3 needs --data"},
      {{"--figure", "4"}, "--figure 4 needs --data"},
      {{"--figure", "4", "--data", "none.h5"}, "none.h5"},
      {{"--figure", "4", "--hidden", "9"}, "--hidden cannot stand beside --figure"},
      {{"--hidden", "-1"}, "--hidden"},
      {{"--hidden", "9", "--single"}, "--hidden cannot stand beside --single"},
      {{"--hidden", "9", "--follower", "exact"}, "--hidden cannot stand beside --follower exact"},
      {{"--width", "0"}, "--width"},
      {{"--width", "x"}, "--width"},
      {{"--eps-squared", "0"}, "--eps-squared"},
      {{"--encoder-rate", "-1"}, "--encoder-rate"},
      {{"--decoder-rate", "nan"}, "--decoder-rate"},
      {{"--batch", "-1"}, "--batch"},
      {{"--batch", "2000"}, "--batch"},
      {{"--follower", "best"}, "--follower"},
      {{"--inner-steps", "-1"}, "--inner-steps"},
      {{"--epochs", "0"}, "--epochs"},
      {{"--replicas", "0"}, "--replicas"},
      {{"--seed", "-1"}, "--seed"},
      {{"--noise", "-1"}, "--noise"},
      {{"--single", "--subspaces", "2,3"}, "--subspaces"},
      {{"--data", "none.h5"}, "none.h5"},
      {{"--data", "none.h5", "--noise", "1"}, "--noise cannot stand beside --data"},
      {{"--checkpoint-minutes", "-1"}, "--checkpoint-minutes"}};
  for (auto const& [more, part] : cases) {
    SCOPED_TRACE(more[0] + " " + more[1]);
    expect_failure(krate(ctrl(scratch / "out", more)), part);
  }
  EXPECT_EQ(scratch.count(), 0u);
  scratch.write("file", "not a directory");
  expect_failure(krate(ctrl(scratch / "file")), "no directory");
}

}  // namespace
}  // namespace krate::testing
