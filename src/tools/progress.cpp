// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/progress.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace krate::tools {

namespace {

std::size_t terminal_width() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
}

std::string state(std::size_t done, std::size_t total, double seconds, std::string_view note) {
  double const fraction = total ? std::min(1.0, static_cast<double>(done) / static_cast<double>(total)) : 1;
  std::string text = std::to_string(static_cast<int>(100 * fraction)) + " %";
  if (done > 0) text += ", " + clock_text(seconds * (1 - fraction) / fraction) + " left";
  if (!note.empty()) text += ", " + std::string(note);
  return text;
}

}  // namespace

std::string clock_text(double seconds) {
  auto const total = static_cast<long long>(std::clamp(seconds, 0.0, 1e9) + 0.5);
  char text[32];
  if (total >= 3600) {
    std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", total / 3600, total / 60 % 60, total % 60);
  } else {
    std::snprintf(text, sizeof text, "%lld:%02lld", total / 60, total % 60);
  }
  return text;
}

Progress::Progress(Style style, std::string title, std::size_t total)
    : style_(style), title_(std::move(title)), total_(total) {}

std::string Progress::bar(std::string_view title, std::size_t done, std::size_t total, double seconds,
                          std::string_view note, std::size_t width) {
  std::string const after = "  " + state(done, total, seconds, note);
  std::string line = std::string(title) + "  ";
  std::size_t const used = line.size() + after.size() + 1;  // the last column stays free: some terminals wrap there
  std::size_t const room = used + 10 <= width ? std::min<std::size_t>(width - used, 40) : 0;
  std::size_t const full = total ? std::min(room, room * done / total) : room;
  for (std::size_t i = 0; i < room; ++i) line += i < full ? "█" : "░";
  return line + after;
}

void Progress::update(std::size_t done, std::string_view note) {
  if (style_ == Style::silent) return;
  auto const now = Clock::now();
  auto const since = std::chrono::duration<double>(now - shown_).count();
  auto const seconds = std::chrono::duration<double>(now - start_).count();
  if (style_ == Style::bar && (!visible_ || since > 0.1 || done >= total_)) {
    std::string const text = "\r\033[K" + bar(title_, done, total_, seconds, note, terminal_width());
    std::fputs(text.c_str(), stderr);
    visible_ = true;
    shown_ = now;
  }
  if (style_ == Style::lines && since > 10) {
    std::printf("%s: %s\n", title_.c_str(), state(done, total_, seconds, note).c_str());
    std::fflush(stdout);
    shown_ = now;
  }
}

void Progress::wipe() {
  if (visible_) std::fputs("\r\033[K", stderr);
  visible_ = false;
}

}  // namespace krate::tools
