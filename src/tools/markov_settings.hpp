// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/markov.hpp"

namespace krate::tools {

/// What a user may choose. Of several taus, exponents and explorations all combinations are settings.
struct MarkovOptions {
  std::string figure{}, rewards = "common", transitions = "action-dependent", random{};
  std::int64_t players = 4, routes = 2, crowd = 2, stages = 100000, replicas = 5, seed = 1, records = 1000;
  double discount = 0.5;
  std::vector<double> tau{1e-6}, alpha_exponent{0.5}, beta_exponent{1}, exploration{0};
};

/// @throws ValueError naming the option that is out of range and why
MarkovTask markov_task(MarkovOptions const& options);

}  // namespace krate::tools
