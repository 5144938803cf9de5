// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What tests of training share: a place for runs, and the lines of what they wrote.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "krate/train/trainer.hpp"
#include "support/op_test.hpp"
#include "train/toy.hpp"

namespace krate::testing {
namespace {

namespace fs = std::filesystem;

struct Directory {
  fs::path path =
      fs::temp_directory_path() / ("krate_train_" + std::to_string(::getpid()) + "_" + std::to_string(count()++));
  ~Directory() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  std::string operator/(char const* name) const { return (path / name).string(); }
  static int& count() {
    static int n = 0;
    return n;
  }
};

inline std::vector<std::string> lines(std::string const& path) {
  std::ifstream in(path);
  std::vector<std::string> all;
  for (std::string line; std::getline(in, line);) all.push_back(line);
  return all;
}

}  // namespace
}  // namespace krate::testing
