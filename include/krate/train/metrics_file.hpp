// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

namespace krate::train {

struct Progress;

/// metrics.csv of a run: one row an event, in the columns
///     step,epoch,split,loss,accuracy,learning_rate,gradient_norm,samples_per_second,seconds
/// Cells that an event does not have are empty.
class MetricsFile {
 public:
  MetricsFile() = default;
  /// A new file, or one that is gone on with after `keep_until` steps: later rows are cut off. @throws IoError
  MetricsFile(std::string path, bool resume, std::int64_t keep_until);
  ~MetricsFile();
  MetricsFile(MetricsFile&& other) noexcept;
  MetricsFile& operator=(MetricsFile&& other) noexcept;

  /// @throws IoError if the disk is full. @note allocates: no
  void write(Progress const& row);
  /// To the system. @throws IoError
  void flush();

 private:
  std::string path_;
  std::FILE* file_ = nullptr;
};

}  // namespace krate::train
