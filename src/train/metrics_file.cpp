// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/train/metrics_file.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <utility>

#include "krate/core/error.hpp"
#include "krate/io/atomic_path.hpp"
#include "krate/train/trainer.hpp"

namespace krate::train {

namespace {

constexpr char const* header = "step,epoch,split,loss,accuracy,learning_rate,gradient_norm,samples_per_second,seconds";

[[noreturn]] void fail(std::string const& path) {
  throw IoError("krate::train::MetricsFile", path + " cannot be written (" + std::strerror(errno) +
                                                 "); check the directory's permissions and free space");
}

/// Copies the header and all rows of steps up to `keep_until` into a fresh file that takes the old one's place.
void cut_back(std::string const& path, std::int64_t keep_until) {
  std::ifstream in(path);
  io::AtomicPath fresh(path);
  std::ofstream out(fresh.temporary());
  out << header << '\n';
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    std::int64_t step = -1;
    auto const [end, error] = std::from_chars(line.data(), line.data() + line.size(), step);
    bool const whole = !in.eof();  // a row that lost its end in a crash has no line break
    if (error == std::errc() && *end == ',' && step <= keep_until && whole) out << line << '\n';
  }
  auto const bytes = static_cast<std::size_t>(std::max<std::streamoff>(out.tellp(), 0));
  out.close();
  if (!out) fail(path);
  fresh.commit(bytes);
}

}  // namespace

MetricsFile::MetricsFile(std::string path, bool resume, std::int64_t keep_until) : path_(std::move(path)) {
  if (resume) cut_back(path_, keep_until);
  file_ = std::fopen(path_.c_str(), resume ? "a" : "w");
  if (!file_) fail(path_);
  if (!resume && std::fprintf(file_, "%s\n", header) < 0) fail(path_);
}

MetricsFile::~MetricsFile() {
  if (file_) std::fclose(file_);
}

MetricsFile::MetricsFile(MetricsFile&& other) noexcept
    : path_(std::move(other.path_)), file_(std::exchange(other.file_, nullptr)) {}

MetricsFile& MetricsFile::operator=(MetricsFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(file_, other.file_);
  return *this;
}

void MetricsFile::write(Progress const& row) {
  if (!file_) return;
  char accuracy[32] = "";
  if (!std::isnan(row.accuracy)) std::snprintf(accuracy, sizeof accuracy, "%.8g", row.accuracy);
  int const written =
      row.part == Part::train
          ? std::fprintf(file_, "%lld,%lld,train,%.17g,%s,%.17g,%.17g,%.6g,%.6f\n", static_cast<long long>(row.step),
                         static_cast<long long>(row.epoch), row.loss, accuracy, row.learning_rate, row.gradient_norm,
                         row.samples_per_second, row.seconds)
          : std::fprintf(file_, "%lld,%lld,test,%.17g,%s,,,%.6g,%.6f\n", static_cast<long long>(row.step),
                         static_cast<long long>(row.epoch), row.loss, accuracy, row.samples_per_second, row.seconds);
  if (written < 0) fail(path_);
}

void MetricsFile::flush() {
  if (file_ && std::fflush(file_) != 0) fail(path_);
}

}  // namespace krate::train
