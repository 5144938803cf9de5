// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Training by MCR2, the MLP, wrong labels and probes, as scripts call them.
#include <cmath>
#include <fstream>
#include <sstream>

#include "command.hpp"
#include "krate/io/dataset.hpp"
#include "krate/io/hdf5.hpp"

namespace krate::testing {
namespace {

using Words = std::vector<std::string>;

std::vector<Words> cells_of(std::string const& csv) {
  std::vector<Words> all;
  std::istringstream in(content_of(csv));
  for (std::string line; std::getline(in, line);) {
    all.emplace_back();
    std::istringstream cells(line);
    for (std::string cell; std::getline(cells, cell, ',');) all.back().push_back(cell);
  }
  return all;
}

struct Mcr2Command : ::testing::Test {
  Scratch scratch;
  std::string const data = scratch / "digits.h5", run = scratch / "run", model = run + "/model.h5";
  void SetUp() override { ASSERT_EQ(krate({"data", "digits", "-o", data}).exit_code, 0); }

  Words train(std::string const& family, std::string const& where, Words const& more = {}) const {
    Words words{"train", "--data",          data,  "-o", where, "--model", family, "--steps", "12", "--batch",
                "256",   "--learning-rate", "1e-2"};
    if (family == "crate") words.insert(words.end(), {"--dim", "32", "--depth", "2", "--heads", "2"});
    if (family == "mlp") words.insert(words.end(), {"--hidden", "64", "--dim", "32"});
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
};

TEST_F(Mcr2Command, TrainsEvaluatesPredictsAndProbesBothModels) {
  for (std::string const family : {"crate", "mlp"}) {
    SCOPED_TRACE(family);
    std::string const where = run + family, file = where + "/model.h5";
    auto const summary = json_of(krate(train(family, where, {"--objective", "mcr2", "--json"})));
    EXPECT_EQ(summary["model"], family);
    EXPECT_LT(summary["train_loss"], -3);
    EXPECT_GT(summary["test_accuracy"], 0.7);
    auto const metrics = cells_of(where + "/metrics.csv");
    EXPECT_EQ(metrics[1][4], "") << "no accuracy on the way";
    EXPECT_NE(metrics.back()[4], "");
    auto const found = json_of(krate({"eval", file, "--data", data, "--json"}));
    EXPECT_NEAR(found["loss"].get<double>(), summary["test_loss"].get<double>(), 1e-5);
    EXPECT_EQ(found["accuracy"], summary["test_accuracy"]);
    ASSERT_EQ(krate({"predict", file, "--data", data, "-o", scratch / "out.h5"}).exit_code, 0);
    EXPECT_EQ(io::File::open(scratch / "out.h5").info("/features").shape, (std::vector<std::size_t>{1797, 32}));
    auto const probe = json_of(krate({"analyze", "probe", file, "--data", data, "-o", scratch / "probe", "--json"}));
    EXPECT_FALSE(probe.contains("head"));
    EXPECT_EQ(probe["samples"], 360);
    EXPECT_EQ(probe["reference"], 1437);
    EXPECT_NEAR(probe["nearest_subspace"].get<double>(), found["accuracy"].get<double>(), 0.006);  // two solvers
    EXPECT_GT(probe["nearest_neighbours"], 0.7);
    EXPECT_GT(probe["linear_probe"], 0.7);
    EXPECT_EQ(cells_of(scratch / "probe/spectrum.csv").size(), 1u + 10 * 32);
    EXPECT_TRUE(scratch.holds("probe/spectrum.svg"));
    EXPECT_EQ(cells_of(scratch / "probe/probe.csv").size(), 4u);
  }
}

// Wang et al. 2024, theorem 1: sigma^2 = (eta + (eta^2 - 4 lambda^2 q)^(1/2)) / (2 lambda alpha_k).
TEST_F(Mcr2Command, SpectraStandBesideTheory) {
  ASSERT_EQ(krate(train("mlp", run, {"--objective", "mcr2", "--frobenius", "0.001"})).exit_code, 0);
  ASSERT_EQ(krate({"analyze", "probe", model, "--data", data, "-o", scratch / "probe"}).exit_code, 0);
  auto const rows = cells_of(scratch / "probe/spectrum.csv");
  ASSERT_GT(rows.size(), 1u);
  double const lambda = 0.001, m = 1437, alpha = 32 / (m * 0.5);
  for (std::size_t i = 1; i < rows.size(); i += 32) {
    double const q = m / std::stod(rows[i][1]), eta = alpha * (q - 1) - lambda * (q + 1);
    double const square = (eta + std::sqrt(eta * eta - 4 * lambda * lambda * q)) / (2 * lambda * alpha * q);
    EXPECT_NEAR(std::stod(rows[i][4]), std::sqrt(square), 1e-9);
  }
}

TEST_F(Mcr2Command, TheMlpLearnsByCrossEntropyToo) {
  auto const summary = json_of(krate(train("mlp", run, {"--json"})));
  EXPECT_GT(summary["test_accuracy"], 0.7);
  auto const found = json_of(krate({"eval", model, "--data", data, "--json"}));
  EXPECT_NEAR(found["loss"].get<double>(), summary["test_loss"].get<double>(), 1e-5);
  auto const probe = json_of(krate({"analyze", "probe", model, "--data", data, "-o", scratch / "probe", "--json"}));
  EXPECT_EQ(probe["head"], found["accuracy"]);
  expect_failure(krate({"analyze", "layers", model, "--data", data, "-o", scratch / "l"}), "mlp");
}

TEST_F(Mcr2Command, AnInterruptedRunGivesTheBitsOfTheWhole) {
  Words const more{"--objective", "mcr2", "--checkpoint-every", "5"};
  ASSERT_EQ(krate(train("mlp", run, more)).exit_code, 0);
  std::string const part = scratch / "part";
  std::filesystem::copy(run, part, std::filesystem::copy_options::recursive);
  for (auto const* name :
       {"/summary.json", "/model.h5", "/checkpoints/step-00000012.h5", "/checkpoints/step-00000010.h5"})
    std::filesystem::remove(part + name);
  ASSERT_EQ(krate({"resume", part}).exit_code, 0);
  auto const a = io::File::open(model), b = io::File::open(part + "/model.h5");
  for (auto const* name : {"/model/hidden/linear/weight", "/model/features/weight", "/model/head/linear/weight"})
    EXPECT_EQ(a.read_all<double>(name), b.read_all<double>(name)) << name;
}

TEST_F(Mcr2Command, RanksFollowOneCurve) {
  Words const more{"--objective", "mcr2", "--precision", "fp64"};
  ASSERT_EQ(krate(train("crate", run, more)).exit_code, 0);
  if (krate_ranks(2, {"info", "--json"}).exit_code != 0) return;  // built without MPI
  std::string const two = scratch / "two";
  ASSERT_EQ(krate_ranks(2, train("crate", two, more)).exit_code, 0);
  auto const a = cells_of(run + "/metrics.csv"), b = cells_of(two + "/metrics.csv");
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 1; i < a.size(); ++i) EXPECT_NEAR(std::stod(a[i][3]) / std::stod(b[i][3]), 1, 1e-10) << i;
}

TEST_F(Mcr2Command, FlagsOfAnotherObjectiveOrModelAreErrors) {
  expect_failure(krate(train("mlp", run, {"--eps-squared", "0.1"})), "means nothing to --objective cross_entropy");
  expect_failure(krate(train("mlp", run, {"--frobenius", "0.1"})), "means nothing to --objective cross_entropy");
  expect_failure(krate(train("mlp", run, {"--objective", "mcr2", "--label-smoothing", "0.1"})),
                 "--label-smoothing means nothing to --objective mcr2");
  expect_failure(krate(train("mlp", run, {"--heads", "2"})), "means nothing to the model mlp");
  expect_failure(krate(train("crate", run, {"--hidden", "2"})), "means nothing to the model crate");
  expect_failure(krate({"train", "--model", "redunet", "--data", data, "-o", run, "--objective", "mcr2"}),
                 "means nothing to the model redunet");
}

TEST_F(Mcr2Command, WrongLabelsAreThoseOfTrainingSamplesOnly) {
  std::string const wrong = scratch / "wrong.h5";
  auto const corrupt = [&](std::string const& fraction, std::string const& seed) {
    EXPECT_EQ(krate({"data", "corrupt", data, "--fraction", fraction, "--seed", seed, "-o", wrong}).exit_code, 0);
    return io::File::open(wrong).read_all<std::int64_t>("/labels");
  };
  auto const original = io::File::open(data).read_all<std::int64_t>("/labels");
  auto const split = io::File::open(data).read_all<std::int64_t>("/split");
  auto const labels = corrupt("0.4", "1");
  std::size_t changed = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    changed += labels[i] != original[i];
    if (split[i] == 1) {
      EXPECT_EQ(labels[i], original[i]);
    }
  }
  EXPECT_NEAR(static_cast<double>(changed), 0.4 * 0.9 * 1437, 40);  // a tenth draws its own
  EXPECT_EQ(io::File::open(wrong).read_all<std::uint8_t>("/samples/images"),
            io::File::open(data).read_all<std::uint8_t>("/samples/images"));
  EXPECT_EQ(corrupt("0.4", "1"), labels);
  EXPECT_NE(corrupt("0.4", "2"), labels);
  EXPECT_EQ(corrupt("0", "1"), original);
  auto const about = io::Dataset::open(wrong).description();
  EXPECT_EQ(about.classes, 10);
  EXPECT_EQ(about.scale, io::Dataset::open(data).description().scale);
  expect_failure(krate({"data", "corrupt", data, "--fraction", "1.5", "-o", wrong}), "must be between 0 and 1");
}

}  // namespace
}  // namespace krate::testing
