// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Runs the built command as a user would, and looks at what it says.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace krate::testing {

struct Outcome {
  int exit_code = -1;  ///< -1: it did not end in time, or by a signal
  std::string out, err;
  std::size_t peak_bytes = 0;  ///< highest resident memory of the process, to within its last milliseconds
};

/// Where the build put krate, and a program one of whose ranks fails alone.
std::string const& command_path();
std::string const& lone_failure_path();

using Environment = std::map<std::string, std::string>;  // an empty value removes the variable

/// krate ARGUMENTS, or another program.
Outcome krate(std::vector<std::string> const& arguments, Environment const& environment = {},
              std::string const& program = command_path());
/// The same under the MPI launcher.
Outcome krate_ranks(int ranks, std::vector<std::string> const& arguments, std::string const& program = command_path());

/// Lines of a text that begin with "krate: ": what the command itself says among a launcher's words.
std::vector<std::string> own_lines(std::string const& text);

/// Success, and exactly one JSON object on one line of stdout. `null` after a failed expectation.
nlohmann::json json_of(Outcome const& outcome);

/// The contract for failures: an exit code that is not 0, nothing on stdout, one line "krate: where: what" on stderr,
/// with `part` in it.
void expect_failure(Outcome const& outcome, std::string const& part);
/// "krate: where: what", the text of each failure.
bool is_failure_line(std::string const& line);

/// A directory that is gone after the test.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(Scratch const&) = delete;
  std::string operator/(std::string const& name) const { return (path_ / name).string(); }
  /// Writes a file and returns its path.
  std::string write(std::string const& name, std::string const& content) const;
  /// The same, packed by gzip.
  std::string write_packed(std::string const& name, std::string const& content) const;
  bool holds(std::string const& name) const { return std::filesystem::exists(path_ / name); }
  /// How many files it holds.
  std::size_t count() const;

 private:
  std::filesystem::path path_;
};

std::string content_of(std::string const& path);

}  // namespace krate::testing
