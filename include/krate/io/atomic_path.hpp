// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <string>

namespace krate::io {

/// A file that appears under its name in one step: it is written as `path.tmp` in the same directory, and commit()
/// renames it. Destroyed without commit() it removes the temporary file; a killed process leaves that one at most. One
/// process; what writes the temporary file is the caller's affair.
class AtomicPath {
 public:
  AtomicPath() = default;
  /// Makes the temporary file, empty.
  /// @throws IoError if the directory cannot be written, or `path` is something else than a file
  explicit AtomicPath(std::string path);
  AtomicPath(AtomicPath&&) noexcept;
  AtomicPath& operator=(AtomicPath&&) noexcept;
  ~AtomicPath();

  std::string const& path() const { return path_; }
  std::string const& temporary() const { return temporary_; }

  /// Asks the file system for room up to this size, where it can promise that, so that a full disk is found before data
  /// is half-way out. @throws IoError if there is no room
  void reserve(std::size_t bytes) const;
  /// Gives up what was written, and so its room on the disk; the temporary file itself goes with this object.
  void discard() const noexcept;
  /// Cuts the temporary file to `bytes` and waits until it is on the disk, then renames it.
  /// @throws IoError, after removing the temporary file
  void commit(std::size_t bytes);

 private:
  void remove() noexcept;
  std::string path_, temporary_;  // no temporary: nothing to remove
};

}  // namespace krate::io
