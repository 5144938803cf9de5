// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/models/two_layer.hpp"

namespace krate::models {

void TwoLayerConfig::validate() const {
  auto const size = [](std::size_t value, char const* name) {
    require_value(value > 0 && value <= (1u << 20), "krate::models::TwoLayerConfig", name, value,
                  "must be from 1 to 2^20");
  };
  size(in, "in");
  size(hidden, "hidden");
  size(out, "out");
}

}  // namespace krate::models
