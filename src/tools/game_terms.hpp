// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>

#include "tools/files.hpp"

namespace krate::tools {

/// The terms of the game, a row a step.
class GameTerms {
 public:
  GameTerms() = default;
  GameTerms(std::string path, bool resume, std::int64_t until) : path_(std::move(path)) {
    std::istringstream old(resume && std::filesystem::exists(path_) ? read_file(path_) : std::string());
    std::string line;
    std::getline(old, line);
    while (std::getline(old, line))
      if (std::strtoll(line.c_str(), nullptr, 10) <= until) rows_ += line + "\n";
  }
  void add(std::int64_t step, std::array<double, 3> const& v) {
    char row[128];
    std::snprintf(row, sizeof row, "%lld,%.17g,%.17g,%.17g\n", static_cast<long long>(step), v[0], v[1], v[2]);
    rows_ += row;
  }
  void write() const { write_file(path_, "step,rate_reduction,rate_reduction_regenerated,distance\n" + rows_); }

 private:
  std::string path_, rows_;
};

}  // namespace krate::tools
