// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <span>

#include "krate/core/parameters.hpp"
#include "krate/optim/gradients.hpp"

namespace krate {
namespace optim {
struct Lion;
}

namespace impl {

template <class Space, class T>
struct LionUpdate {
  static void run(Space const& space, optim::Lion const& rule, double learning_rate,
                  ParameterList<Space, T> const& list, Value<T const, Space> gradient_scale, Vector<T, Space> momentum,
                  optim::Gradients gradients, std::span<double const> rates);
};

}  // namespace impl
}  // namespace krate
