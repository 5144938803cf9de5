// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate rate on files that are larger than what --memory allows.
#include <cmath>

#include "command.hpp"
#include "krate/io/dataset.hpp"

namespace krate::testing {
namespace {

// Class 3 of 4 has no samples.
void write_features(std::string const& path, std::size_t samples, std::size_t dim, bool with_labels = true,
                    io::FileOptions const& options = {}) {
  std::vector<float> z(samples * dim);
  std::uint32_t state = 1;
  for (float& x : z) x = static_cast<float>((state = 1664525u * state + 1013904223u) >> 8) * 0x1p-23f - 1;
  std::vector<Label> labels(with_labels ? samples : 0);
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<Label>((i * i / 5) % 3);
  io::write_dataset(path, {},
                    {.kind = io::SampleKind::features,
                     .sample_shape = {dim},
                     .samples = std::span<float const>(z),
                     .labels = labels,
                     .classes = with_labels ? 4 : 0},
                    options);
}

std::vector<std::string> rate_of(std::string const& file, std::string const& memory) {
  std::vector<std::string> words{"rate", file, "--eps-squared", "0.5", "--json"};
  if (!memory.empty()) words.insert(words.end(), {"--memory", memory});
  return words;
}

void expect_same(nlohmann::json const& found, nlohmann::json const& expected) {
  ASSERT_TRUE(found.is_object() && expected.is_object());
  double const tolerance = 1e-13 * expected["rate"].get<double>();
  for (char const* const name : {"samples", "dim", "classes", "eps_squared"}) EXPECT_EQ(found[name], expected[name]);
  for (char const* const name : {"rate", "rate_classes", "rate_reduction"}) {
    ASSERT_EQ(found[name].is_null(), expected[name].is_null());
    if (found[name].is_null()) continue;
    EXPECT_NEAR(found[name].get<double>(), expected[name].get<double>(), tolerance) << name;
  }
  ASSERT_EQ(found["per_class"].size(), expected["per_class"].size());
  for (std::size_t k = 0; k < found["per_class"].size(); ++k) {
    EXPECT_EQ(found["per_class"][k]["samples"], expected["per_class"][k]["samples"]);
    EXPECT_NEAR(found["per_class"][k]["rate"].get<double>(), expected["per_class"][k]["rate"].get<double>(), tolerance);
  }
}

TEST(RateStream, PeakMemoryStaysUnderTheBudget) {
#if defined(__SANITIZE_ADDRESS__)
  bool const measures = false;  // its shadow memory counts, too
#else
  bool const measures = true;
#endif
  Scratch const scratch;
  std::string const file = scratch / "z.h5", tiny = scratch / "tiny.h5";
  constexpr std::size_t budget = std::size_t(20) << 20;
  write_features(tiny, 200, 64);
  auto const base = krate(rate_of(tiny, "20M"));
  ASSERT_EQ(base.exit_code, 0) << base.err;
  write_features(file, 320000, 64);  // 82 MB, and twice that as double
  ASSERT_GT(std::filesystem::file_size(file), 3.8 * budget);
  auto const streamed = krate(rate_of(file, "20M")), at_once = krate(rate_of(file, "4G"));
  expect_same(json_of(streamed), json_of(at_once));
  if (!measures) return;
  RecordProperty("base_bytes", std::to_string(base.peak_bytes));
  RecordProperty("streamed_bytes", std::to_string(streamed.peak_bytes));
  EXPECT_LT(streamed.peak_bytes, base.peak_bytes + budget);
  EXPECT_GT(at_once.peak_bytes, base.peak_bytes + 4 * budget);  // so the measure sees what it should
}

TEST(RateStream, PackedFilesAndFilesWithoutLabels) {
  Scratch const scratch;
  std::string const file = scratch / "z.h5";
  for (bool const with_labels : {true, false}) {
    write_features(file, 20011, 96, with_labels, {.chunk_bytes = 1 << 20, .compression = 1});
    expect_same(json_of(krate(rate_of(file, "15M"))), json_of(krate(rate_of(file, "4G"))));
  }
}

#ifdef KRATE_MPIEXEC  // a build without MPI has no ranks to test
TEST(RateStream, DoesNotDependOnRanks) {
  Scratch const scratch;
  std::string const file = scratch / "z.h5";
  write_features(file, 90007, 64);
  auto const expected = json_of(krate(rate_of(file, "4G")));
  for (int const ranks : {1, 2, 4}) expect_same(json_of(krate_ranks(ranks, rate_of(file, "15M"))), expected);
}
#endif

TEST(RateStream, RejectsBudgetsThatCannotDo) {
  Scratch const scratch;
  std::string const file = scratch / "z.h5";
  write_features(file, 60000, 64);
  expect_failure(krate(rate_of(file, "1M")), "--memory = 1M, but moments of the classes and buffers take 13M");
  write_features(file, 100, 900);
  expect_failure(krate(rate_of(file, "1M")), "--memory = 1M, but all samples at once take ");
  for (char const* const word : {"0", "-1", "much", "1.5.2G", "99999999999999999999G", "inf", "nan", "M", "1 G"})
    expect_failure(krate({"rate", file, "--eps-squared", "1", "--memory", word}), "--memory");
}

TEST(RateStream, RejectsNaNsNamingTheRow) {
  Scratch const scratch;
  std::string const path = scratch / "z.h5";
  std::vector<double> z(60000 * 64, 1.0);
  z[59999 * 64 + 3] = std::nan("");
  io::File file = io::File::create(path);
  file.write<double>("/samples/features", {60000, 64}, 0, 60000, z);
  file.commit();
  expect_failure(krate({"rate", path, "--eps-squared", "1", "--memory", "15M"}), "sample 59999");
}

}  // namespace
}  // namespace krate::testing
