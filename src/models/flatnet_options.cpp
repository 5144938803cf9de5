// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <cmath>

#include "krate/core/require.hpp"
#include "krate/models/flatnet_builder.hpp"

namespace krate::models {

void FlatnetOptions::validate() const {
  constexpr char const* where = "krate::models::FlatnetOptions";
  auto const count = [&](std::size_t value, char const* name) {
    require_value(value > 0, where, name, value, "must be positive");
  };
  auto const positive = [&](double value, char const* name) {
    require_value(value > 0 && std::isfinite(value), where, name, value, "must be positive and finite");
  };
  count(iterations, "iterations");
  count(inner_iterations, "inner_iterations");
  count(stop_count, "stop_count");
  positive(threshold, "threshold");
  require_value(alpha_max > 0 && alpha_max < 1, where, "alpha_max", alpha_max,
                "must lie between 0 and 1; FlatNet uses 0.5");
  positive(dimension_radius, "dimension_radius");
  positive(error_ratio, "error_ratio");
  positive(smallest_radius, "smallest_radius");
  require_value(largest_radius >= smallest_radius && std::isfinite(largest_radius), where, "largest_radius",
                largest_radius, "must be finite and not below smallest_radius");
}

}  // namespace krate::models
