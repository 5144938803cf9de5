// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/models/parameter_table.hpp"

#include <cmath>

namespace krate::models {

Initial Initial::linear(std::size_t fan_in) {
  return {uniform, 1 / std::sqrt(static_cast<double>(fan_in))};
}
Initial Initial::kaiming(std::size_t fan_in) {
  return {uniform, std::sqrt(6 / static_cast<double>(fan_in))};
}

std::size_t ParameterTable::add(std::string name, std::string official, std::vector<std::size_t> shape, Initial initial,
                                Split split) {
  specs_.push_back({std::move(name), std::move(shape), true, split});
  official_.push_back(std::move(official));
  initials_.push_back(initial);
  return specs_.size() - 1;
}

}  // namespace krate::models
