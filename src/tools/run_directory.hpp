// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

namespace krate::tools {

/// The directory of a new run, with its config.toml. If the run fails with nothing to go on from, neither kept nor with
/// a checkpoint, what was written goes with this object, and so does the directory if it was not there before.
class RunDirectory {
 public:
  /// @throws IoError if it cannot be made or written
  RunDirectory(std::string const& run, std::string const& config);
  /// What the run starts from, as from.json.
  void write_from(std::string const& json) const;
  ~RunDirectory();
  RunDirectory(RunDirectory const&) = delete;
  void keep() { kept_ = true; }

 private:
  void remove() const;
  std::string run_;
  bool made_, kept_ = false;
};

}  // namespace krate::tools
