// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/optim/schedule.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string>
#include <utility>

#include "krate/core/require.hpp"

namespace krate::optim {

namespace {
using Kind = Schedule::Kind;
constexpr std::array<std::pair<Kind, char const*>, 4> kinds = {
    {{Kind::constant, "constant"},
     {Kind::warmup_cosine, "warmup_cosine"},
     {Kind::warmup_cosine_from_zero, "warmup_cosine_from_zero"},
     {Kind::crate, "crate"}}};

/// From 1 at done = 0 to 0 at done = all.
double half_cosine(std::int64_t done, std::int64_t all) {
  double const part = done < all ? static_cast<double>(done) / static_cast<double>(all) : 1.0;
  return (1 + std::cos(std::numbers::pi * part)) / 2;
}
}  // namespace

double Schedule::at(std::int64_t step) const {
  constexpr char const* where = "krate::optim::Schedule::at";
  require_value(step >= 0, where, "step", step, "counts from 0");
  require_value(learning_rate >= 0, where, "learning_rate", learning_rate, "must not be negative");
  require_value(warmup_steps >= 0, where, "warmup_steps", warmup_steps, "must not be negative");
  if (kind != Kind::constant) require_value(steps > 0, where, "steps", steps, "must be positive: the steps of the run");
  bool const warming = step < warmup_steps;
  double const first = kind == Kind::warmup_cosine_from_zero ? 0 : 1;
  double const warm = warming ? (static_cast<double>(step) + first) / static_cast<double>(warmup_steps) : 1.0;
  if (kind == Kind::crate) return learning_rate * std::min(warm, half_cosine(step, steps));
  if (warming || kind == Kind::constant) return learning_rate * warm;
  return min_learning_rate +
         (learning_rate - min_learning_rate) * half_cosine(step - warmup_steps, steps - warmup_steps);
}

Schedule::Kind parse_schedule(std::string_view name) {
  std::string valid;
  for (auto const& [kind, text] : kinds) {
    if (name == text) return kind;
    valid += (valid.empty() ? "" : ", ") + std::string(text);
  }
  throw ValueError("krate::optim::parse_schedule",
                   "there is no schedule named \"" + std::string(name) + "\"; choose one of " + valid);
}

char const* name(Schedule::Kind kind) {
  return std::find_if(kinds.begin(), kinds.end(), [&](auto const& entry) { return entry.first == kind; })->second;
}

}  // namespace krate::optim
