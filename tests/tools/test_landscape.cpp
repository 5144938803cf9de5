// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate analyze landscape, as scripts call it.
#include <algorithm>
#include <cmath>

#include "command.hpp"
#include "krate/io/hdf5.hpp"
#include "markup.hpp"

namespace krate::testing {
namespace {

using Words = std::vector<std::string>;

Words landscape(std::string const& out, Words const& more = {}) {
  Words words{"analyze", "landscape", "--dim", "8", "--class-sizes", "6,8,10", "--starts", "3", "-o", out, "--json"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

TEST(Landscape, EndsAreThoseOfTheClosedForm) {
  Scratch const scratch;
  std::string const out = scratch / "new/directory";
  auto const found = json_of(krate(landscape(out)));
  ASSERT_TRUE(found.is_object());
  EXPECT_EQ(found["path"], out + "/landscape.h5");
  EXPECT_EQ(found["problem"], "regularised");
  EXPECT_NEAR(found["lambda"].get<double>(), 0.1 * found["lambda_max"].get<double>(), 1e-15);
  ASSERT_EQ(found["starts"].size(), 3u);
  double best = -1;
  for (auto const& start : found["starts"]) {
    EXPECT_TRUE(start["converged"].get<bool>());
    EXPECT_LT(start["gradient_norm"].get<double>(), 1e-9);
    EXPECT_LT(start["hessian_top"].get<double>(), 1e-8);
    EXPECT_LT(start["cross_cosine"].get<double>(), 1e-9);
    EXPECT_LE(start["objective"].get<double>(), found["value"].get<double>() + 1e-9);
    std::int64_t total = 0;
    for (auto const& rank : start["ranks"]) total += rank.get<std::int64_t>();
    EXPECT_EQ(total, 8);
    best = std::max(best, start["objective"].get<double>());
  }
  auto const chosen = found["best"].get<std::size_t>();
  EXPECT_EQ(found["starts"][chosen]["objective"].get<double>(), best);
  for (std::size_t k = 0; k < 3; ++k) {
    auto const& c = found["classes"][k];
    double const sigma = c["sigma"].get<double>();
    auto const rank = found["starts"][chosen]["ranks"][k].get<std::size_t>();
    for (std::size_t j = 0; j < c["singular_values"].size(); ++j)
      EXPECT_NEAR(c["singular_values"][j].get<double>(), j < rank ? sigma : 0, 1e-6);
  }

  auto const file = io::File::open(out + "/landscape.h5");
  std::vector<std::size_t> shape;
  auto const objective = file.read_all<double>("/starts/objective", &shape);
  std::size_t steps = 0, rows = 0;
  for (auto const& start : found["starts"]) {
    steps = std::max(steps, start["steps"].get<std::size_t>());
    rows += start["steps"].get<std::size_t>() + 1;
  }
  EXPECT_EQ(shape, (std::vector<std::size_t>{3, steps + 1}));
  auto const first_steps = found["starts"][0]["steps"].get<std::size_t>();
  EXPECT_EQ(objective[first_steps], found["starts"][0]["objective"].get<double>());
  if (first_steps < steps) {
    EXPECT_TRUE(std::isnan(objective[first_steps + 1]));
  }
  auto const features = file.read_all<double>("/starts/features", &shape);
  EXPECT_EQ(shape, (std::vector<std::size_t>{3, 24, 8}));
  auto const cosines = file.read_all<double>("/best/cosines", &shape);
  EXPECT_EQ(shape, (std::vector<std::size_t>{24, 24}));
  EXPECT_NEAR(cosines[0], 1, 1e-12);
  EXPECT_LT(cosines[23], 1e-9);
  auto const about = file.attributes("/");
  EXPECT_EQ(about.get<double>("lambda"), found["lambda"].get<double>());
  EXPECT_EQ(file.attributes("/closed_form").get<double>("value"), found["value"].get<double>());
  for (char const* const path : {"/class_sizes", "/closed_form/sigma", "/closed_form/ranks", "/closed_form/s_minus",
                                 "/closed_form/kappa", "/starts/gradient_norm", "/starts/hessian_top",
                                 "/starts/cross_cosine", "/starts/ranks", "/best/singular_values"})
    EXPECT_TRUE(file.exists(path)) << path;

  std::string const csv = content_of(out + "/landscape.csv");
  EXPECT_EQ(csv.rfind("start,step,objective,gradient_norm\n0,0,", 0), 0u);
  EXPECT_EQ(static_cast<std::size_t>(std::count(csv.begin(), csv.end(), '\n')), rows + 1);
  for (char const* const chart : {"objective", "gradient_norm", "singular_values"})
    EXPECT_TRUE(is_well_formed(content_of(out + "/" + chart + ".svg"))) << chart;
  EXPECT_EQ(content_of(out + "/cosines.png").substr(1, 3), "PNG");
}

TEST(Landscape, RepeatsAndSpeaksToPeople) {
  Scratch const scratch;
  auto const one = json_of(krate(landscape(scratch / "one"))), two = json_of(krate(landscape(scratch / "two")));
  EXPECT_EQ(one["starts"], two["starts"]);
  auto const other = json_of(krate(landscape(scratch / "other", {"--seed", "5"})));
  EXPECT_NE(one["starts"], other["starts"]);
  Words words = landscape(scratch / "people");
  words.erase(std::find(words.begin(), words.end(), "--json"));
  auto const said = krate(words);
  EXPECT_EQ(said.exit_code, 0);
  EXPECT_NE(said.out.find("class  samples  closed form"), std::string::npos);
  EXPECT_NE(said.out.find("landscape.h5"), std::string::npos);
}

TEST(Landscape, SmallStartsLoseTheirRankAndFewStepsAreNotEnough) {
  Scratch const scratch;
  auto const lost = json_of(krate(landscape(scratch / "a", {"--scale", "0"})));
  EXPECT_EQ(lost["starts"][0]["ranks"], nlohmann::json({0, 0, 0}));
  EXPECT_EQ(lost["starts"][0]["objective"], 0.0);
  auto const few = json_of(krate(landscape(scratch / "b", {"--iterations", "3", "--lambda", "0.01"})));
  EXPECT_EQ(few["starts"][0]["steps"], 3);
  EXPECT_FALSE(few["starts"][0]["converged"].get<bool>());
  EXPECT_EQ(few["lambda"], 0.01);
}

TEST(Landscape, ConstrainedProblem) {
  Scratch const scratch;
  auto const found = json_of(krate({"analyze", "landscape", "--dim", "12", "--class-sizes", "30,40,50", "--ranks",
                                    "3,4,5", "--starts", "3", "-o", scratch / "c", "--json"}));
  ASSERT_TRUE(found.is_object());
  EXPECT_EQ(found["problem"], "constrained");
  EXPECT_TRUE(found["value_is_global"].get<bool>());
  EXPECT_NEAR(found["value"].get<double>(), 2.63933908535364, 1e-12);
  EXPECT_FALSE(found.contains("lambda"));
  for (auto const& start : found["starts"]) {  // some end at a local maximum of lower rank
    EXPECT_TRUE(start["converged"].get<bool>());
    EXPECT_LE(start["objective"].get<double>(), 2.63933908535364 + 1e-9);
    EXPECT_TRUE(start["hessian_top"].is_null());
  }
  auto const& best = found["starts"][found["best"].get<std::size_t>()];
  EXPECT_NEAR(best["objective"].get<double>(), 2.63933908535364, 1e-9);
  EXPECT_EQ(best["ranks"], nlohmann::json({3, 4, 5}));
  auto const file = io::File::open(scratch / "c/landscape.h5");
  EXPECT_EQ(file.attributes("/").get<std::string>("problem"), "constrained");
  EXPECT_FALSE(file.exists("/closed_form/kappa"));
}

#ifdef KRATE_MPIEXEC  // a build without MPI has no ranks to test
TEST(Landscape, RanksShareTheStarts) {
  Scratch const scratch;
  auto const one = json_of(krate(landscape(scratch / "one"))),
             two = json_of(krate_ranks(2, landscape(scratch / "two")));
  ASSERT_EQ(one["starts"].size(), two["starts"].size());
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_NEAR(one["starts"][i]["objective"].get<double>(), two["starts"][i]["objective"].get<double>(), 1e-9);
}
#endif

TEST(Landscape, RefusesBadInput) {
  Scratch const scratch;
  std::vector<std::pair<Words, std::string>> const cases = {
      {{"--dim", "0"}, "--dim"},
      {{"--dim", "1000000"}, "--dim"},
      {{"--dim", "x"}, "--dim"},
      {{"--class-sizes", "20"}, "at least two classes"},
      {{"--class-sizes", "20,0"}, "--class-sizes"},
      {{"--class-sizes", "20,,30"}, "--class-sizes"},
      {{"--class-sizes", "20,30x"}, "--class-sizes"},
      {{"--class-sizes", "20,-30"}, "--class-sizes"},
      {{"--class-sizes", ""}, "--class-sizes"},
      {{"--class-sizes", "4000,1"}, "at most 4000 samples"},
      {{"--class-sizes", "99999999999999999999,1"}, "--class-sizes"},
      {{"--eps-squared", "0"}, "--eps-squared"},
      {{"--eps-squared", "nan"}, "--eps-squared"},
      {{"--lambda", "0"}, "--lambda"},
      {{"--lambda", "7"}, "below lambda_max"},
      {{"--lambda", "nan"}, "--lambda"},
      {{"--lambda-fraction", "1"}, "--lambda-fraction"},
      {{"--lambda-fraction", "0"}, "--lambda-fraction"},
      {{"--lambda", "0.01", "--lambda-fraction", "0.1"}, "--lambda"},
      {{"--starts", "0"}, "--starts"},
      {{"--iterations", "0"}, "--iterations"},
      {{"--seed", "-1"}, "--seed"},
      {{"--scale", "-1"}, "--scale"},
      {{"--scale", "inf"}, "--scale"},
      {{"--ranks", "3,4"}, "--ranks"},
      {{"--ranks", "3,4,5"}, "sum of ranks = 12"},
      {{"--ranks", "3,9,5"}, "rank = 9"},
      {{"--ranks", "2,2,2", "--lambda", "0.01"}, "--ranks"},
      {{"--ranks", "2,2,2", "--scale", "0"}, "--scale"}};
  for (auto const& [more, part] : cases) {
    Words words = landscape(scratch / "out");
    for (std::size_t i = 0; i < more.size(); i += 2) {  // in the place of what stands there
      auto const at = std::find(words.begin(), words.end(), more[i]);
      if (at == words.end()) {
        words.insert(words.end(), {more[i], more[i + 1]});
      } else {
        *(at + 1) = more[i + 1];
      }
    }
    SCOPED_TRACE(more[0] + " " + more[1]);
    expect_failure(krate(words), part);
  }
  EXPECT_EQ(scratch.count(), 0u);
  expect_failure(krate({"analyze", "landscape"}), "-o");
  std::string const taken = scratch.write("file", "not a directory");
  expect_failure(krate(landscape(taken)), "file");
}

}  // namespace
}  // namespace krate::testing
