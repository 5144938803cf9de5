// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate analyze denoise, as scripts call it.
#include <cmath>

#include "command.hpp"

namespace krate::testing {
namespace {

using Words = std::vector<std::string>;

Words denoise(std::string const& out, Words const& more = {}) {
  Words words{"analyze", "denoise", "--dim", "20", "--subspaces", "3", "--width", "5", "--samples", "200", "-o", out};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

TEST(Denoise, TheSlopeIsTwoAndCosinesAreReported) {
  Scratch const scratch;
  std::string const out = scratch / "new/directory";
  auto const found = json_of(krate(denoise(out, {"--sigmas", "0.01", "0.03", "0.1", "--json"})));
  ASSERT_TRUE(found.is_object());
  EXPECT_NEAR(found["slope"].get<double>(), 2, 0.1);
  EXPECT_EQ(found["path"], out + "/denoise.csv");
  ASSERT_EQ(found["sigmas"].size(), 3u);
  for (auto const& row : found["sigmas"])
    for (char const* name : {"cosine_mssa", "cosine_step"}) EXPECT_LE(std::abs(row[name].get<double>()), 1) << name;
  std::string const csv = content_of(out + "/denoise.csv");
  EXPECT_EQ(csv.substr(0, csv.find('\n')), "sigma,relative_error,cosine_mssa,cosine_step");
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 4);
  EXPECT_NE(content_of(out + "/denoise.svg").find("<svg"), std::string::npos);
}

// Without softmax, with tokens far apart, attention is the identity: MSSA(x) = x, and for a large distortion
// dR^c/dx = gamma x.
TEST(Denoise, CosinesOfALimit) {
  Scratch const scratch;
  auto const found =
      json_of(krate({"analyze", "denoise", "--dim", "60", "--subspaces", "1", "--width", "60", "--samples", "2",
                     "--sigmas", "20", "--eps-squared", "1e9", "-o", scratch / "a", "--json"}));
  EXPECT_NEAR(found["sigmas"][0]["cosine_mssa"].get<double>(), -1, 1e-6);
  EXPECT_NEAR(found["sigmas"][0]["cosine_step"].get<double>(), 1, 1e-6);
  EXPECT_TRUE(found["slope"].is_null());
}

TEST(Denoise, TheSameSeedGivesTheSameAndPeopleSeeATable) {
  Scratch const scratch;
  auto const one = json_of(krate(denoise(scratch / "one", {"--json"}))),
             two = json_of(krate(denoise(scratch / "two", {"--json"}))),
             other = json_of(krate(denoise(scratch / "other", {"--seed", "1", "--json"})));
  EXPECT_EQ(one["sigmas"], two["sigmas"]);
  EXPECT_NE(one["sigmas"], other["sigmas"]);
  auto const said = krate(denoise(scratch / "people"));
  EXPECT_EQ(said.exit_code, 0);
  EXPECT_NE(said.out.find("sigma^2.0"), std::string::npos) << said.out;
}

}  // namespace
}  // namespace krate::testing
