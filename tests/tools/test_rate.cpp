// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <cmath>

#include "command.hpp"
#include "krate/io/dataset.hpp"

namespace krate::testing {
namespace {

// 1/2 log det(I + alpha Z^T Z) by Gaussian elimination, no part of krate.
double plain_rate(std::vector<std::vector<double>> const& rows, std::size_t dim, double eps_squared) {
  if (rows.empty()) return 0;
  double const alpha = static_cast<double>(dim) / (static_cast<double>(rows.size()) * eps_squared);
  std::vector<std::vector<double>> s(dim, std::vector<double>(dim, 0));
  for (std::size_t i = 0; i < dim; ++i) s[i][i] = 1;
  for (auto const& z : rows) {
    for (std::size_t i = 0; i < dim; ++i) {
      for (std::size_t j = 0; j < dim; ++j) s[i][j] += alpha * z[i] * z[j];
    }
  }
  double sum = 0;
  for (std::size_t k = 0; k < dim; ++k) {
    sum += std::log(s[k][k]);
    for (std::size_t i = k + 1; i < dim; ++i) {
      double const f = s[i][k] / s[k][k];
      for (std::size_t j = k; j < dim; ++j) s[i][j] -= f * s[k][j];
    }
  }
  return sum / 2;
}

struct Problem {
  std::size_t samples, dim;
  std::vector<float> z;
  std::vector<Label> labels;

  // Class 2 has no samples, class 3 fewer than dim.
  Problem(std::size_t samples, std::size_t dim) : samples(samples), dim(dim) {
    for (std::size_t i = 0; i < samples * dim; ++i)
      z.push_back(static_cast<float>(std::sin(1.7 * static_cast<double>(i * i + 1))));
    for (std::size_t i = 0; i < samples; ++i) labels.push_back(i % 11 == 0 ? 3 : static_cast<Label>(i % 2));
  }
  std::vector<std::vector<double>> rows(int label) const {  // -1: all
    std::vector<std::vector<double>> found;
    for (std::size_t i = 0; i < samples; ++i) {
      if (label < 0 || labels[i] == label) found.emplace_back(z.begin() + i * dim, z.begin() + (i + 1) * dim);
    }
    return found;
  }
  void write(std::string const& path, bool with_labels = true) const {
    io::DatasetContents c{
        .kind = io::SampleKind::features, .sample_shape = {dim}, .samples = std::span<float const>(z)};
    if (with_labels) c.labels = labels;
    io::write_dataset(path, {}, c);
  }
};

void expect_rates(nlohmann::json const& found, Problem const& p, double eps_squared) {
  ASSERT_TRUE(found.is_object());
  double const whole = plain_rate(p.rows(-1), p.dim, eps_squared);
  EXPECT_EQ(found["samples"], p.samples);
  EXPECT_EQ(found["dim"], p.dim);
  EXPECT_EQ(found["classes"], 4);
  EXPECT_EQ(found["eps_squared"], eps_squared);
  EXPECT_NEAR(found["rate"].get<double>(), whole, 1e-11 * whole);
  double of_classes = 0;
  ASSERT_EQ(found["per_class"].size(), 4u);
  for (int k = 0; k < 4; ++k) {
    auto const rows = p.rows(k);
    double const rate = plain_rate(rows, p.dim, eps_squared);
    of_classes += static_cast<double>(rows.size()) / static_cast<double>(p.samples) * rate;
    auto const& c = found["per_class"][static_cast<std::size_t>(k)];
    EXPECT_EQ(c["label"], k);
    EXPECT_EQ(c["samples"], rows.size());
    EXPECT_NEAR(c["rate"].get<double>(), rate, 1e-11 * (1 + rate));
  }
  EXPECT_NEAR(found["rate_classes"].get<double>(), of_classes, 1e-11 * whole);
  EXPECT_NEAR(found["rate_reduction"].get<double>(), whole - of_classes, 1e-11 * whole);
}

TEST(Rate, EqualsThePlainFormula) {
  Scratch const scratch;
  for (auto const& p : {Problem(97, 7), Problem(40, 60)}) {  // long and wide
    p.write(scratch / "z.h5");
    for (double const eps_squared : {0.01, 0.5}) {
      expect_rates(json_of(krate({"rate", scratch / "z.h5", "--eps-squared", std::to_string(eps_squared), "--json"})),
                   p, eps_squared);
    }
  }
}

#ifdef KRATE_MPIEXEC  // a build without MPI has no ranks to test
TEST(Rate, DoesNotDependOnRanks) {
  Scratch const scratch;
  for (auto const& p : {Problem(97, 7), Problem(40, 60), Problem(1, 3)}) {
    p.write(scratch / "z.h5");
    auto const one = json_of(krate({"rate", scratch / "z.h5", "--eps-squared", "0.5", "--json"}));
    auto const three = json_of(krate_ranks(3, {"rate", scratch / "z.h5", "--eps-squared", "0.5", "--json"}));
    EXPECT_NEAR(one["rate"].get<double>(), three["rate"].get<double>(), 1e-12 * (1 + one["rate"].get<double>()));
    EXPECT_NEAR(one["rate_classes"].get<double>(), three["rate_classes"].get<double>(), 1e-12);
    EXPECT_EQ(one["per_class"].size(), three["per_class"].size());
  }
}
#endif

TEST(Rate, WithoutLabelsHasNoClasses) {
  Scratch const scratch;
  Problem(20, 3).write(scratch / "z.h5", false);
  auto const found = json_of(krate({"rate", scratch / "z.h5", "--eps-squared", "0.5", "--json"}));
  EXPECT_EQ(found["classes"], 0);
  EXPECT_TRUE(found["rate_classes"].is_null());
  EXPECT_TRUE(found["rate_reduction"].is_null());
  EXPECT_EQ(found["per_class"], nlohmann::json::array());
  auto const shown = krate({"rate", scratch / "z.h5", "--eps-squared", "0.5"});
  EXPECT_NE(shown.out.find("20 samples of dim 3"), std::string::npos);
  EXPECT_EQ(shown.err, "");
}

TEST(Rate, TakesImagesWhenNamed) {
  Scratch const scratch;
  ASSERT_EQ(krate({"data", "digits", "-o", scratch / "d.h5"}).exit_code, 0);
  expect_failure(krate({"rate", scratch / "d.h5", "--eps-squared", "0.5"}), "--features /samples/images");
  for (auto const* path : {"/samples/images", "samples/images"}) {
    auto const found = json_of(krate({"rate", scratch / "d.h5", "--features", path, "--eps-squared", "0.5", "--json"}));
    EXPECT_EQ(found["dim"], 64);
    EXPECT_EQ(found["classes"], 10);
    EXPECT_GT(found["rate_reduction"].get<double>(), 0);
  }
}

TEST(Rate, RejectsBadInput) {
  Scratch const scratch;
  Problem(20, 3).write(scratch / "z.h5");
  std::string const good = scratch / "z.h5";
  auto const rejects = [](std::vector<std::string> words, std::string const& part) {
    words.insert(words.begin(), "rate");
    expect_failure(krate(words), part);
  };
  rejects({good, "--eps-squared", "0"}, "--eps-squared = 0");
  rejects({good, "--eps-squared", "-1"}, "--eps-squared = -1");
  rejects({good, "--eps-squared", "nan"}, "--eps-squared");
  rejects({good, "--eps-squared", "inf"}, "--eps-squared");
  rejects({good, "--eps-squared", "1", "--features", "/none"}, "/none");
  rejects({good, "--eps-squared", "1", "--labels", "/none"}, "/none");
  rejects({scratch / "missing.h5", "--eps-squared", "1"}, "missing.h5");
  rejects({scratch.write("text.h5", "no HDF5"), "--eps-squared", "1"}, "text.h5");
  rejects({scratch.write("empty.h5", ""), "--eps-squared", "1"}, "empty.h5");
  auto const bytes = content_of(good);
  rejects({scratch.write("cut.h5", bytes.substr(0, bytes.size() / 2)), "--eps-squared", "1"}, "cut.h5");
  rejects({scratch / "", "--eps-squared", "1"}, "krate: ");
  rejects({good, "--eps-squared", "1", "--features", "/labels"}, "/labels");
}

#ifdef KRATE_MPIEXEC  // a build without MPI has no ranks to test
TEST(Rate, RejectsNaNsNamingTheRow) {
  Scratch const scratch;
  io::File file = io::File::create(scratch / "z.h5");
  std::vector<double> z(30, 1.0);
  z[3 * 7 + 1] = std::nan("");
  file.write<double>("/samples/features", {10, 3}, 0, 10, z);
  file.commit();
  expect_failure(krate({"rate", scratch / "z.h5", "--eps-squared", "1"}), "sample 7");
  auto const failed = krate_ranks(2, {"rate", scratch / "z.h5", "--eps-squared", "1"});  // one rank alone sees it
  EXPECT_GT(failed.exit_code, 0);
  ASSERT_EQ(own_lines(failed.err).size(), 1u) << failed.err;
  EXPECT_NE(own_lines(failed.err)[0].find("sample 7"), std::string::npos);
}
#endif

// One direction, so long that its moments hold no digit of the identity: 1/2 log(1 + alpha |a|^2 |v|^2).
TEST(Rate, AHopelesslyScaledDirectionKeepsItsRate) {
  std::size_t const samples = 40, dim = 8;
  std::vector<double> z;
  double squares = 0;
  for (std::size_t e = 0; e < samples * dim; ++e) {
    double const a = std::sin(1.0 + static_cast<double>(e / dim)), v = 1.0 / static_cast<double>(1 + e % dim);
    z.push_back(1e6 * a * v);
    squares += z.back() * z.back();
  }
  Scratch const dir;
  io::DatasetContents c{.kind = io::SampleKind::features, .sample_shape = {dim}, .samples = std::span<double const>(z)};
  io::write_dataset(dir / "line.h5", {}, c);
  auto const found = json_of(krate({"rate", dir / "line.h5", "--eps-squared", "1e-6", "--json"}));
  double const expected = 0.5 * std::log1p(dim / (samples * 1e-6) * squares);
  EXPECT_NEAR(found["rate"].get<double>(), expected, 1e-8 * expected);
#ifdef KRATE_MPIEXEC
  auto const shared = json_of(krate_ranks(3, {"rate", dir / "line.h5", "--eps-squared", "1e-6", "--json"}));
  EXPECT_NEAR(shared["rate"].get<double>(), found["rate"].get<double>(), 1e-12 * expected);
#endif
}

}  // namespace
}  // namespace krate::testing
