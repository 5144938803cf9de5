// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every source of the checkout keeps the rules, or stands here with the reason why not.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>

#include "rules.hpp"

namespace krate::source {
namespace {

namespace fs = std::filesystem;

/// File and how often it may break a rule.
std::map<std::string, int> const exceptions = {};

std::string content(fs::path const& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Tree, KeepsTheRules) {
  fs::path const top = KRATE_SOURCE;
  int files = 0;
  std::map<std::string, int> broken;
  std::string report;
  for (auto const* part : {"include", "src", "tests", "examples", "perf"}) {
    for (auto const& entry : fs::recursive_directory_iterator(top / part)) {
      auto const extension = entry.path().extension();
      if (extension != ".hpp" && extension != ".cpp") continue;
      std::string const path = fs::relative(entry.path(), top).generic_string();
      ++files;
      for (auto const& found : findings(path, content(entry.path()))) {
        ++broken[path];
        report += path + ":" + std::to_string(found.line) + ": " + found.what + "\n";
      }
    }
  }
  EXPECT_GT(files, 150);
  EXPECT_EQ(broken, exceptions) << report;
}

// Two kernels of one name are one to the linker, which keeps either: no compiler says so.
TEST(Tree, NoTwoFilesDefineTheSameName) {
  fs::path const top = KRATE_SOURCE;
  std::map<std::string, std::set<std::string>> homes;
  std::regex const space("namespace (krate[\\w:]*) \\{"), definition("\n(?:struct|class) (\\w+)(?: final)? (?:\\{|: )");
  for (auto const* part : {"include", "src"}) {
    for (auto const& entry : fs::recursive_directory_iterator(top / part)) {
      if (entry.path().extension() != ".hpp") continue;
      std::string const code = content(entry.path());
      std::smatch home;
      if (!std::regex_search(code, home, space)) continue;
      for (std::sregex_iterator it(code.begin(), code.end(), definition), end; it != end; ++it)
        homes[home[1].str() + "::" + (*it)[1].str()].insert(fs::relative(entry.path(), top).generic_string());
    }
  }
  EXPECT_GT(homes.size(), 300u);
  for (auto const& [name, files] : homes) EXPECT_EQ(files.size(), 1u) << name << " in " << *files.begin();
}

}  // namespace
}  // namespace krate::source
