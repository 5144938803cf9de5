// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate bench compare, on files written by hand.
#include "command.hpp"

namespace krate::testing {
namespace {

using nlohmann::json;

json machine(std::string const& device, std::vector<json> const& cases) {
  return {{"device", device}, {"threads", 2}, {"ranks", 1}, {"cases", cases}};
}
json timed(std::string const& name, json const& config, double seconds) {
  return {{"case", name}, {"config", config}, {"seconds_min", seconds}, {"roof_percent", 50.0}};
}

struct Compare : ::testing::Test {
  Scratch scratch;
  std::string write(std::string const& name, json const& content) const { return scratch.write(name, content.dump()); }
  std::string const a = write("a.json", machine("slow", {timed("ista", {{"dim", 4}, {"tokens", 2}}, 0.5),
                                                         timed("mssa", {{"backward", true}}, 0.25)}));
  std::string const b = write(
      "b.json", machine("fast", {timed("mssa", {{"backward", true}}, 0.125), timed("mssa", {{"backward", false}}, 0.1),
                                 timed("ista", {{"tokens", 2}, {"dim", 4}}, 1.0)}));
};

TEST_F(Compare, MachinesStandSideBySide) {
  auto const found = json_of(krate({"bench", "compare", a, b, "--json"}));
  ASSERT_EQ(found["machines"].size(), 2u);
  EXPECT_EQ(found["machines"][1], (json{{"file", b}, {"device", "fast"}, {"threads", 2}, {"ranks", 1}}));
  ASSERT_EQ(found["cases"].size(), 3u);
  EXPECT_EQ(found["cases"][0]["case"], "ista dim=4 tokens=2");
  EXPECT_EQ(found["cases"][0]["seconds_min"], json({0.5, 1.0}));
  EXPECT_EQ(found["cases"][0]["speed"], json({1.0, 0.5}));
  EXPECT_EQ(found["cases"][1]["case"], "mssa backward");
  EXPECT_EQ(found["cases"][1]["speed"], json({1.0, 2.0}));
  EXPECT_EQ(found["cases"][2]["case"], "mssa");
  EXPECT_EQ(found["cases"][2]["seconds_min"], json({nullptr, 0.1}));
  EXPECT_EQ(found["cases"][2]["speed"], json({nullptr, nullptr}));
}

TEST_F(Compare, TheTableHasALineACase) {
  auto const shown = krate({"bench", "compare", a, b});
  EXPECT_EQ(shown.exit_code, 0);
  EXPECT_EQ(shown.err, "");
  EXPECT_NE(shown.out.find("125 (x2.00)  mssa backward\n"), shown.out.npos) << shown.out;
  EXPECT_NE(shown.out.find("fast, 2 threads"), shown.out.npos) << shown.out;
}

TEST_F(Compare, TakesWhatASingleCaseWrote) {
  auto const outcome = krate({"bench", "ista", "--tokens", "3", "--dim", "2", "--repeat", "1", "--json"});
  auto const found = json_of(krate({"bench", "compare", scratch.write("one.json", outcome.out), b, a, "--json"}));
  EXPECT_EQ(found["machines"].size(), 3u);
  EXPECT_EQ(found["cases"][0]["case"], "ista dim=2 precision=fp32 tokens=3");
}

TEST_F(Compare, BadFilesGetOneClearError) {
  auto const fails = [&](std::string const& file, std::string const& part) {
    expect_failure(krate({"bench", "compare", a, file}), part);
  };
  auto const text = [&](std::string const& content) { return scratch.write("bad.json", content); };
  auto const without = [&](char const* key) {
    json m = machine("x", {timed("ista", json::object(), 1)});
    if (m.contains(key)) {
      m.erase(key);
    } else {
      m["cases"][0].erase(key);
    }
    return text(m.dump());
  };
  fails(scratch / "missing.json", "cannot be opened");
  fails(scratch / "", "directory");
  fails(text(""), "not JSON");
  fails(text("seconds"), "not JSON");
  fails(text("{\"device\": \"x\", \"cases\": ["), "not JSON");
  fails(text(std::string("\x89HDF\r\n\x1a\n\0\0", 10)), "not JSON");
  fails(text(std::string(200000, '[')), "not JSON");
  fails(text(std::string(100000, '[') + std::string(100000, ']')), "no JSON object");
  fails(text("[]"), "no JSON object");
  fails(text("3"), "no JSON object");
  fails(text("{}"), "device");
  fails(text(std::string((std::size_t(16) << 20) + 2, ' ')), "larger than 16 MB");
  fails("/dev/zero", "larger than 16 MB");
  for (auto const* key : {"device", "threads", "ranks", "case", "config", "seconds_min"}) fails(without(key), key);
  auto const with = [&](json const& record) { return text(machine("x", {record}).dump()); };
  fails(with(3), "no object");
  fails(with(timed("ista", json::object(), 0)), "seconds_min");
  fails(with(timed("ista", json::object(), -1)), "seconds_min");
  fails(with({{"case", "ista"}, {"config", json::object()}, {"seconds_min", "fast"}}), "seconds_min");
  fails(with({{"case", "ista"}, {"config", json::object()}, {"seconds_min", nullptr}}), "seconds_min");
  fails(with({{"case", 3}, {"config", json::object()}, {"seconds_min", 1}}), "case");
  fails(with({{"case", "ista"}, {"config", 3}, {"seconds_min", 1}}), "config");
  fails(with({{"case", "ista"}, {"config", {{"a", json::array({1})}}}, {"seconds_min", 1}}), "config");
  fails(text(machine("x", {timed("ista", json::object(), 1), timed("ista", json::object(), 2)}).dump()), "two records");
  json strange = machine("x", {});
  strange["cases"] = 3;
  fails(text(strange.dump()), "cases");
  strange = machine("x", {});
  strange["threads"] = -2;
  fails(text(strange.dump()), "threads");
  expect_failure(krate({"bench", "compare"}), "required");
}

TEST_F(Compare, StrangeTextsDoNotReachTheTerminal) {
  json strange = machine("two\nlines\x1b[2J", {timed("is\nta", {{"a\tb", "c\nd"}}, 1e-300)});
  auto const file = scratch.write("strange.json", strange.dump());
  auto const shown = krate({"bench", "compare", a, file});
  EXPECT_EQ(shown.exit_code, 0);
  EXPECT_EQ(shown.out.find('\x1b'), shown.out.npos);
  EXPECT_EQ(std::count(shown.out.begin(), shown.out.end(), '\n'), 2 + 2 + 3) << shown.out;
  json_of(krate({"bench", "compare", a, file, "--json"}));
}

TEST_F(Compare, NothingToCompareIsATable) {
  auto const empty = write("empty.json", machine("x", {}));
  EXPECT_EQ(json_of(krate({"bench", "compare", empty, empty, "--json"}))["cases"], json::array());
}

}  // namespace
}  // namespace krate::testing
