// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Small good files, and the many ways in which one can be wrong.
#pragma once

#include <set>
#include <string>

#include "command.hpp"

namespace krate::testing {

/// A directory with good.h5, a dataset of 12 images [1, 4, 4] in 3 classes, run/, a training run on it of two steps
/// with a checkpoint after each, and the bad files. All are made once a process.
class BadFiles {
 public:
  BadFiles();
  std::string operator/(std::string const& name) const { return scratch_ / name; }
  std::string good() const { return scratch_ / "good.h5"; }
  std::string model() const { return scratch_ / "run/model.h5"; }
  using Listing = std::set<std::string>;
  /// Every path below the directory, with size and time of the last change: what a failing command must not alter.
  Listing listing() const;
  /// What is new, gone or altered since.
  Listing changes(Listing const& before) const;

 private:
  void make_datasets() const;
  void make_models() const;
  void make_runs() const;
  void make_configs() const;
  Scratch scratch_;
};

}  // namespace krate::testing
