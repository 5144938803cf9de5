// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The page about a training run.

#include "command.hpp"
#include "krate/io/dataset.hpp"
#include "markup.hpp"
#include "support/op_test.hpp"
#include "tools/html.hpp"
#include "tools/run_record.hpp"
#include "tools/sample_image.hpp"

namespace krate::testing {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

struct Report : ::testing::Test {
  Scratch scratch;
  std::string const data = scratch / "digits.h5", run = scratch / "run", page = run + "/report/index.html";

  void train(std::string const& on, std::string const& steps = "20") {
    auto const outcome = krate({"train", "--model", "crate", "--data", on, "--dim", "16", "--depth", "2", "--heads",
                                "2", "--steps", steps, "-o", run});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  }
  void train_on_digits(std::string const& steps = "20") {
    ASSERT_EQ(krate({"data", "digits", "-o", data}).exit_code, 0);
    train(data, steps);
  }
  /// Random images [channels, 8, 8], 40 of 2 classes.
  std::string images(char const* name, std::size_t channels, bool labels, bool split) const {
    std::vector<float> pixels(40 * channels * 64);
    std::vector<Label> classes(40);
    std::vector<std::uint8_t> parts(40);
    for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<float>(fill_u(3, i));
    for (std::size_t i = 0; i < 40; ++i) classes[i] = static_cast<Label>(i % 2), parts[i] = i % 4 == 3;
    io::DatasetContents contents{.kind = io::SampleKind::images, .sample_shape = {channels, 8, 8}, .samples = pixels};
    if (labels) contents.labels = classes;
    if (split) contents.split = parts;
    io::write_dataset(scratch / name, {}, contents);
    return scratch / name;
  }
};

std::size_t count(std::string const& text, std::string const& part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++found;
  return found;
}

void expect_good_page(std::string const& html) {
  EXPECT_TRUE(is_well_formed(html));
  EXPECT_EQ(count(html, "http:") + count(html, "https:"), 0u);
  EXPECT_EQ(count(html, "src=\""), count(html, "src=\"data:image/png;base64,"));
  for (auto const* outside : {"<script", "<link", "url(", "@import", "href", "nan", "inf<"})
    EXPECT_EQ(count(html, outside), 0u) << outside;
}

TEST_F(Report, TrainingWritesAPageThatStandsAlone) {
  train_on_digits();
  auto const html = content_of(page);
  expect_good_page(html);
  for (auto const* heading :
       {"Training", "Beside simpler rules", "Layer by layer", "Where it looks", "Mistakes", "Settings"})
    EXPECT_EQ(count(html, std::string("<h2>") + heading + "</h2>"), 1u) << heading;
  EXPECT_EQ(count(html, "<svg"), 6u);
  EXPECT_GE(count(html, "<img"), 8u * 3u + 1u);
  EXPECT_NE(html.find("learning_rate</dt><dd>0.001<"), std::string::npos);

  auto const summary = nlohmann::json::parse(content_of(run + "/summary.json"));
  std::string const accuracy = "id=\"accuracy\" value=\"";
  ASSERT_EQ(count(html, accuracy), 1u);
  EXPECT_EQ(std::stod(html.substr(html.find(accuracy) + accuracy.size())), summary["test_accuracy"].get<double>());
  auto const right = std::llround(360 * summary["test_accuracy"].get<double>());
  EXPECT_NE(html.find("reads " + std::to_string(right) + " of 360 test samples right"), std::string::npos);
  EXPECT_NE(html.find(std::to_string(360 - right) + " wrong among the 360 test samples"), std::string::npos);
}

TEST_F(Report, IsWrittenAnewWithTheSameContentAndCountsInJson) {
  train_on_digits("300");
  auto const first = content_of(page);
  auto const json = json_of(krate({"report", run, "-o", scratch / "a/b", "--json"}));
  EXPECT_EQ(content_of(scratch / "a/b/index.html"), first);
  EXPECT_EQ(json["path"], scratch / "a/b/index.html");
  EXPECT_EQ(json["samples"], 360);
  EXPECT_EQ(json["training_samples"], 1437);
  auto const eval = json_of(krate({"eval", run + "/model.h5", "--data", data, "--json"}));
  EXPECT_NEAR(json["right"].get<double>(), 360 * eval["accuracy"].get<double>(), 1e-9);
  // On this split, found with other programs: 1-nearest-neighbour 98.3 %, nearest subspace 98.1 %.
  ASSERT_EQ(json["baselines"].size(), 4u);
  EXPECT_EQ(json["baselines"][1]["name"], "1-nearest-neighbour on pixels");
  EXPECT_EQ(json["baselines"][1]["right"], 354);
  EXPECT_NEAR(json["baselines"][2]["right"].get<int>(), 353, 1);
  EXPECT_GT(json["baselines"][0]["right"], json["baselines"][3]["right"]);

  fs::remove(page);
  EXPECT_EQ(krate({"report", run}).out, "report: " + page + "\n");
  EXPECT_EQ(content_of(page), first);
}

#ifdef KRATE_MPIEXEC  // a build without MPI has no ranks to test
TEST_F(Report, TwoRanksWriteTheSamePageAndFailTogether) {
  train_on_digits();
  Words const words{"report", run, "--json"};
  auto const one = json_of(krate(words, {{"OMP_NUM_THREADS", "1"}}));
  auto const first = content_of(page);
  EXPECT_EQ(json_of(krate_ranks(2, words)), one);
  EXPECT_EQ(content_of(page), first);
  auto const failed = krate_ranks(2, {"report", run, "--data", scratch / "missing.h5"});
  EXPECT_NE(failed.exit_code, 0);
  EXPECT_EQ(own_lines(failed.err).size(), 1u) << failed.err;
}
#endif

TEST_F(Report, SaysWhatCannotBeHad) {
  train(images("no_split.h5", 1, true, false));
  auto const unsplit = content_of(page);
  expect_good_page(unsplit);
  EXPECT_NE(unsplit.find("no test accuracy"), std::string::npos);
  EXPECT_NE(unsplit.find("the dataset has no test part"), std::string::npos);
  EXPECT_NE(unsplit.find("among the 40 samples"), std::string::npos);

  auto const json = json_of(krate({"report", run, "--data", images("no_labels.h5", 1, false, true), "--json"}));
  EXPECT_TRUE(json["right"].is_null());
  EXPECT_EQ(json["samples"], 10);
  auto const unlabelled = content_of(page);
  expect_good_page(unlabelled);
  EXPECT_NE(unlabelled.find("The dataset has no labels"), std::string::npos);
  EXPECT_NE(unlabelled.find("not from the data that it was trained on"), std::string::npos);
}

TEST_F(Report, ColourImagesAndOneStep) {
  train(images("rgb.h5", 3, true, true), "1");
  expect_good_page(content_of(page));
}

TEST_F(Report, BadInputGetsOneClearErrorAndNoPage) {
  expect_failure(krate({"report", scratch / "nothing"}), "no training run");
  train_on_digits();
  fs::remove_all(run + "/report");
  auto const fails = [&](Words const& more, std::string const& part) {
    Words words{"report", run};
    words.insert(words.end(), more.begin(), more.end());
    expect_failure(krate(words), part);
    EXPECT_FALSE(fs::exists(run + "/report")) << part;
  };
  fails({"--data", scratch / "missing.h5"}, "missing.h5");
  fails({"--data", images("rgb.h5", 3, true, true)}, "the model takes [1, 8, 8]");
  fails({"-o", scratch.write("file", "")}, "cannot be made");
  fs::rename(data, scratch / "elsewhere.h5");
  fails({}, "say where it is with --data");
  fs::rename(scratch / "elsewhere.h5", data);
  fs::rename(run + "/model.h5", scratch / "model.h5");
  fails({}, "model.h5 is not there");
  fs::rename(scratch / "model.h5", run + "/model.h5");
  scratch.write("run/summary.json", "{");
  fails({}, "summary.json is not what");
}

TEST(ReportParts, MetricsOfAnInterruptedRun) {
  std::string const head = "step,epoch,split,loss,accuracy,learning_rate,gradient_norm,samples_per_second,seconds\n";
  auto const m = tools::parse_metrics(head +
                                          "1,0,train,2.5,0.1,1e-3,3,100,0.5\n2,0,train,2,0.2,2e-3,,100,1.5\n"
                                          "2,0,test,2.25,0.5,,,,2\n3,1,train,1.5,0.3,1e-3,1,100,0.25\n",
                                      "metrics.csv");
  EXPECT_EQ(m.train.loss, (std::vector<double>{2.5, 2, 1.5}));
  EXPECT_EQ(m.test.accuracy, (std::vector<double>{0.5}));
  EXPECT_TRUE(std::isnan(m.train.gradient_norm[1]));
  EXPECT_EQ(m.seconds, 2.25);
  EXPECT_EQ(m.parts, 2);
  EXPECT_ERROR(ValueError, "metrics.csv does not begin", tools::parse_metrics("a,b\n", "metrics.csv"));
}

TEST(ReportParts, NumbersForPeople) {
  EXPECT_EQ(tools::grouped(7), "7");
  EXPECT_EQ(tools::grouped(1437), "1,437");
  EXPECT_EQ(tools::grouped(-123), "-123");
  EXPECT_EQ(tools::grouped(12345678), "12,345,678");
  EXPECT_EQ(tools::percent(0.98888), "98.9 %");
  EXPECT_EQ(tools::duration(27.34), "27.3 s");
  EXPECT_EQ(tools::duration(247), "4 min 7 s");
  EXPECT_EQ(tools::duration(7265), "2 h 1 min");
}

TEST(ReportParts, PicturesOfSamplesAndMaps) {
  std::vector<double> const values{0, 1, 2, 4, 4, 2, 1, 0, 1, 1, 1, 1};
  auto const colour = tools::sample_image(values, 3, 2, 2);
  EXPECT_EQ(colour.pixels, (std::vector<std::uint8_t>{0, 255, 64, 64, 128, 64, 128, 64, 64, 255, 0, 64}));
  auto const grey = tools::sample_image(std::span(values).first(4), 1, 2, 2);
  EXPECT_EQ(grey.pixels, (std::vector<std::uint8_t>{0, 0, 0, 64, 64, 64, 128, 128, 128, 255, 255, 255}));
  std::vector<double> const map{0, 3};  // two patches of two pixels, one above the other
  auto const over = tools::patches_over(grey, map, 2, 1, 3);
  EXPECT_EQ(*over.at(0, 1), tools::colour_of(0).r);
  EXPECT_EQ(*over.at(1, 0), tools::colour_of(1).r);
  EXPECT_EQ(tools::patches_over(grey, map, 2, 1, 3, 0).pixels, grey.pixels);
}

}  // namespace
}  // namespace krate::testing
