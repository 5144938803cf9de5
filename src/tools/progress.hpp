// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace krate::tools {

/// How far a long task is: a bar with the time left on a terminal (stderr), a plain line now and then in a log
/// (stdout). The bar is wiped out when the object goes, so that what follows, an error included, stands alone.
class Progress {
 public:
  enum class Style { silent, bar, lines };

  Progress(Style style, std::string title, std::size_t total);
  Progress(Progress&& other) noexcept
      : style_(other.style_),
        title_(std::move(other.title_)),
        total_(other.total_),
        start_(other.start_),
        shown_(other.shown_),
        visible_(std::exchange(other.visible_, false)) {}
  Progress& operator=(Progress&&) = delete;
  ~Progress() { wipe(); }

  /// @param note  what to show beside it, e.g. "loss 0.52"
  void update(std::size_t done, std::string_view note = {});
  /// Takes the bar away, so that a line can be printed; the next update brings it back.
  void wipe();

  /// The text of the bar, for `width` columns.
  static std::string bar(std::string_view title, std::size_t done, std::size_t total, double seconds,
                         std::string_view note, std::size_t width);

 private:
  using Clock = std::chrono::steady_clock;

  Style style_;
  std::string title_;
  std::size_t total_;
  Clock::time_point start_ = Clock::now(), shown_ = start_;
  bool visible_ = false;
};

/// "3:07", "1:02:09".
std::string clock_text(double seconds);

}  // namespace krate::tools
