// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <span>

#include "krate/core/parameters.hpp"
#include "krate/optim/gradients.hpp"

namespace krate {
namespace optim {
struct AdamW;
}

namespace impl {

template <class Space, class T>
struct AdamWUpdate {
  static void run(Space const& space, optim::AdamW const& rule, double learning_rate, std::int64_t step,
                  ParameterList<Space, T> const& list, Value<T const, Space> gradient_scale,
                  Vector<T, Space> first_moment, Vector<T, Space> second_moment, optim::Gradients gradients,
                  std::span<double const> rates);
};

}  // namespace impl
}  // namespace krate
