// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/elementwise.hpp"
#include "krate/models/parameter_table.hpp"
#include "krate/nn/initialize.hpp"

namespace krate::models {

template <class Space, class T>
void initialize(Space const& space, ParameterTable const& table, Seed seed, ParameterList<Space, T> const& list) {
  for (std::size_t i = 0; i < table.initials().size(); ++i) {
    Initial const start = table.initials()[i];
    auto const stream = static_cast<std::uint32_t>(i);
    switch (start.kind) {
      case Initial::zero:
        fill(space, list.value(i), T(0));
        break;
      case Initial::one:
        fill(space, list.value(i), T(1));
        break;
      case Initial::normal:
        initialize_normal(space, list.value(i), start.width, seed, stream);
        break;
      case Initial::uniform:
        initialize_uniform(space, list.value(i), start.width, seed, stream);
        break;
    }
  }
}

}  // namespace krate::models
