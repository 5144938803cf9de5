// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate analyze objective, as scripts call it.
#include <algorithm>
#include <map>

#include "command.hpp"

namespace krate::testing {
namespace {

using Words = std::vector<std::string>;

struct ObjectiveCommand : ::testing::Test {
  Scratch scratch;
  std::string const data = scratch / "digits.h5", run = scratch / "run", model = run + "/model.h5";
  void SetUp() override { ASSERT_EQ(krate({"data", "digits", "-o", data}).exit_code, 0); }

  void train(Words const& more) const {
    Words words{"train", "--data", data,      "-o", run,       "--model", "crate",    "--batch", "256",
                "--dim", "32",     "--depth", "2",  "--heads", "2",       "--lambda", "0.2"};
    words.insert(words.end(), more.begin(), more.end());
    ASSERT_EQ(krate(words).exit_code, 0);
  }
  Words analyze(Words const& more = {}) const {
    Words words{"analyze", "objective", model, "--data", data, "-o", scratch / "o", "--json"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
};

TEST_F(ObjectiveCommand, TermsAddUpInEveryBlockBeforeAndAfterTraining) {
  train({"--steps", "40", "--learning-rate", "1e-2"});
  auto const found = json_of(krate(analyze()));
  EXPECT_EQ(found["lambda"], 0.2);
  EXPECT_EQ(found["eps_squared"], 0.01);
  ASSERT_EQ(found["layers"].size(), 4u);
  constexpr double entries = 5 * 32;  // tokens (class and four patches) times dim
  for (auto const& layer : found["layers"]) {
    for (auto const* place : {"input", "attention", "sparse"}) {
      auto const& t = layer[place];
      EXPECT_GE(t["coding_rate"], 0);
      EXPECT_GE(t["subspace_rate"], 0);
      double const expected = t["coding_rate"].get<double>() - t["subspace_rate"].get<double>() -
                              0.2 * entries * t["density"].get<double>();
      EXPECT_NEAR(t["objective"].get<double>(), expected, 1e-9 * std::abs(expected));
    }
    EXPECT_LT(layer["sparse"]["density"], 0.9);
    EXPECT_EQ(layer["attention"]["density"], 1);
    EXPECT_LE(std::abs(layer["cosine"].get<double>()), 1);
  }
  // What one block gives, the next one takes: rates of the tokens alone agree.
  for (std::size_t l : {0, 2})
    EXPECT_EQ(found["layers"][l]["sparse"]["coding_rate"], found["layers"][l + 1]["input"]["coding_rate"]);
  EXPECT_NE(found["layers"][0]["cosine"], found["layers"][2]["cosine"]);
  std::string const csv = content_of(scratch / "o/objective.csv");
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 1 + 2 * 2 * 3);
  EXPECT_TRUE(scratch.holds("o/objective.svg") && scratch.holds("o/cosine.svg"));
  if (krate_ranks(2, {"info", "--json"}).exit_code != 0) return;  // built without MPI
  auto const two = json_of(krate_ranks(2, analyze({"--batch", "50"})));
  for (std::size_t l = 0; l < 4; ++l)
    for (auto const* place : {"input", "attention", "sparse"})
      EXPECT_NEAR(two["layers"][l][place]["objective"].get<double>(),
                  found["layers"][l][place]["objective"].get<double>(), 1e-3);
}

TEST_F(ObjectiveCommand, TheInitialStateIsThatOfTheSeed) {
  train({"--steps", "2", "--learning-rate", "1e-30", "--seed", "3"});
  auto const layers = json_of(krate(analyze({"--seed", "3"})))["layers"];
  for (std::size_t l = 0; l < 2; ++l) {
    EXPECT_EQ(layers[l]["state"], "initial");
    EXPECT_EQ(layers[l + 2]["state"], "trained");
    for (auto const* key : {"layer", "input", "attention", "sparse", "cosine"})
      EXPECT_EQ(layers[l][key], layers[l + 2][key]) << key;
  }
  auto const others = json_of(krate(analyze({"--seed", "4", "--lambda", "0"})))["layers"];
  EXPECT_NE(others[0]["cosine"], layers[0]["cosine"]);
  EXPECT_EQ(others[2]["cosine"], layers[2]["cosine"]);
  EXPECT_EQ(others[2]["input"]["coding_rate"], layers[2]["input"]["coding_rate"]);
  EXPECT_NE(others[2]["input"]["objective"], layers[2]["input"]["objective"]);
}

TEST_F(ObjectiveCommand, VariantsHaveOtherOutputMaps) {
  train({"--steps", "5"});
  auto const layers = json_of(krate(analyze({"--variants"})))["layers"];
  ASSERT_EQ(layers.size(), 2u * 2u * 5u);
  std::map<std::string, nlohmann::json> first;
  for (auto const& layer : layers)
    if (layer["layer"] == 1) first[layer["state"]] = layer;
  ASSERT_EQ(first.size(), 10u);
  for (std::string const state : {"initial", "trained"}) {
    for (std::string const map : {" C", " N", " T", " identity"}) {
      EXPECT_EQ(first[state + map]["input"], first[state]["input"]) << state << map;
      EXPECT_NE(first[state + map]["attention"], first[state]["attention"]) << state << map;
    }
    // The same tokens, and the opposite step.
    EXPECT_NEAR(first[state + " N"]["cosine"].get<double>(), -first[state + " C"]["cosine"].get<double>(), 1e-4);
  }
}

}  // namespace
}  // namespace krate::testing
