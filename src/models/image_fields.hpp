// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the configurations of image models have in common.
#pragma once

#include <vector>

#include "krate/models/crate_config.hpp"
#include "models/transformer_fields.hpp"

namespace krate::models {

/// One or two numbers.
inline Extent2 stored_extent(char const* where, Configuration const& stored, char const* name) {
  auto const v = stored.get<std::vector<std::int64_t>>(name);
  require_value(v.size() == 1 || v.size() == 2, where, name, krate::impl::shape_text(v), "must be one or two numbers");
  for (auto const e : v) require_value(e > 0 && e <= 1 << 24, where, name, e, "must be between 1 and 2^24");
  return {static_cast<std::size_t>(v.front()), static_cast<std::size_t>(v.back())};
}

}  // namespace krate::models
