// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <limits>

#include "command.hpp"
#include "support/op_test.hpp"
#include "tools/cli.hpp"
#include "tools/options.hpp"

namespace krate::testing {
namespace {

using tools::OptionTable;
using tools::Pair;

OptionTable example() {
  OptionTable table("krate::train");
  table.add<std::string>("model", {}, "which model");
  table.add<std::string>("optimizer", "adamw", "update rule").one_of({"adamw", "lion"});
  table.add<double>("learning-rate", 1e-3, "step size").above(0);
  table.add<std::int64_t>("batch", 64, "samples a step").at_least(1);
  table.add<std::int64_t>("warmup", {}, "steps; default 5 % of all").at_least(0);
  table.add<Pair>("patch-size", Pair{4, 4}, "rows and columns of a patch").at_least(1);
  table.add<double>("mask-ratio", 0.75, "hidden part").at_least(0).at_most(1).only_for({"crate_mae"});
  table.add<bool>("verbose", false, "more words");
  return table;
}

void parse(OptionTable& table, std::vector<std::string> words) {
  tools::cli::App app;
  table.bind(app);
  app.parse(std::move(words));
}

TEST(Options, DefaultsFlagsAndResolvedValues) {
  OptionTable table = example();
  parse(table, {"--batch", "32", "--learning-rate=0.5", "--patch-size", "3x5", "--verbose"});
  EXPECT_EQ(table.get<int>("batch"), 32);
  EXPECT_EQ(table.get<double>("learning-rate"), 0.5);
  EXPECT_EQ(table.get<Pair>("patch-size"), (Pair{3, 5}));
  EXPECT_TRUE(table.get<bool>("verbose"));
  EXPECT_EQ(table.get<std::string>("optimizer"), "adamw");
  EXPECT_TRUE(table.is_set("batch"));
  EXPECT_FALSE(table.is_set("optimizer"));
  EXPECT_FALSE(table.has_value("warmup"));
  EXPECT_ERROR(ValueError, "--warmup is missing", table.get<int>("warmup"));
  table.resolve<std::int64_t>("warmup", 7);
  table.resolve<std::int64_t>("batch", 1);
  EXPECT_EQ(table.get<int>("warmup"), 7);
  EXPECT_EQ(table.get<int>("batch"), 32);
  EXPECT_FALSE(table.is_set("warmup"));
}

TEST(Options, WrongFlagsAreErrors) {
  auto const reject = [](std::vector<std::string> const& words, std::string const& part) {
    OptionTable table = example();
    EXPECT_ERROR(ValueError, part, parse(table, words));
  };
  reject({"--batch", "many"}, "--batch = many, but it must be an integer");
  reject({"--batch", "1.5"}, "must be an integer");
  reject({"--batch", "0"}, "--batch = 0, but it must be at least 1");
  reject({"--batch", "99999999999999999999"}, "must be an integer");
  reject({"--learning-rate", "0"}, "must be above 0");
  reject({"--learning-rate", "nan"}, "must be finite");
  reject({"--learning-rate", "-1"}, "--learning-rate = -1");
  reject({"--patch-size", "4x"}, "--patch-size = 4x");
  reject({"--patch-size", "0x4"}, "at least 1");
  reject({"--optimizer", "adam"}, "one of adamw, lion (the nearest is adamw)");
}

TEST(Options, FlagsWinOverTheFile) {
  Scratch const scratch;
  auto const path =
      scratch.write("c.toml", "batch = 16\nlearning_rate = 2\npatch_size = 2\nmodel = \"crate\"\nverbose = true\n");
  OptionTable table = example();
  parse(table, {"--batch", "8"});
  table.read_toml(path);
  EXPECT_EQ(table.get<int>("batch"), 8);
  EXPECT_EQ(table.get<double>("learning-rate"), 2);
  EXPECT_EQ(table.get<Pair>("patch-size"), (Pair{2, 2}));
  EXPECT_EQ(table.get<std::string>("model"), "crate");
  EXPECT_TRUE(table.get<bool>("verbose"));
}

TEST(Options, WrongFilesAreErrors) {
  Scratch const scratch;
  auto const reject = [&](std::string const& text, std::string const& part) {
    OptionTable table = example();
    auto const path = scratch.write("c.toml", text);
    EXPECT_ERROR(ValueError, part, table.read_toml(path));
  };
  reject("batch = 1\nlearning_rat = 1\n", "line 2: learning_rat is no option (the nearest is learning_rate)");
  reject("learning-rate = 1\n", "the nearest is learning_rate");
  reject("batch = \"64\"\n", "batch is of type string, but it must be an integer");
  reject("batch = 64.0\n", "must be an integer");
  reject("model = 3\n", "must be a text");
  reject("verbose = 1\n", "must be true or false");
  reject("batch = [1, 2]\n", "of type array");
  reject("[train]\nbatch = 1\n", "train is no option");
  reject("batch = 0\n", "at least 1");
  OptionTable table = example();
  EXPECT_ERROR(IoError, "not TOML", table.read_toml(scratch.write("c.toml", "batch = = 1\n")));
  EXPECT_ERROR(IoError, "missing.toml", table.read_toml(scratch / "missing.toml"));
}

TEST(Options, TheWrittenFileReadsBackToTheSameValues) {
  Scratch const scratch;
  OptionTable table = example();
  std::string const odd = "a \"b\" \\ c\n\td é";
  parse(table, {"--model", odd, "--learning-rate", "1e-7", "--patch-size", "3x5", "--batch", "9007199254740993"});
  auto const text = table.to_toml();
  OptionTable again = example();
  again.read_toml(scratch.write("c.toml", text));
  EXPECT_EQ(again.get<std::string>("model"), odd);
  EXPECT_EQ(again.get<double>("learning-rate"), 1e-7);
  EXPECT_EQ(again.get<Pair>("patch-size"), (Pair{3, 5}));
  EXPECT_EQ(again.get<std::int64_t>("batch"), 9007199254740993);
  EXPECT_EQ(again.get<double>("mask-ratio"), 0.75);
  EXPECT_FALSE(again.has_value("warmup"));
  EXPECT_EQ(again.to_toml(), text);
}

TEST(Options, OptionsOfOtherModelsAreRefusedAndLeftOut) {
  OptionTable table = example();
  table.choose("crate");
  EXPECT_EQ(table.to_toml().find("mask_ratio"), std::string::npos);
  table.choose("crate_mae");
  EXPECT_NE(table.to_toml().find("mask_ratio = 0.75"), std::string::npos);
  parse(table, {"--mask-ratio", "0.5"});
  EXPECT_ERROR(ValueError, "--mask-ratio means nothing to the model crate", table.choose("crate"));
}

}  // namespace
}  // namespace krate::testing
