// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/models/parameter_table.hpp"

#include <algorithm>
#include <cmath>

namespace krate::models {

Initial Initial::linear(std::size_t fan_in) {
  return {uniform, 1 / std::sqrt(static_cast<double>(fan_in))};
}
Initial Initial::kaiming(std::size_t fan_in) {
  return {uniform, std::sqrt(6 / static_cast<double>(fan_in))};
}

Initial Initial::glorot(std::size_t fan_in, std::size_t fan_out) {
  return {uniform, std::sqrt(6 / static_cast<double>(fan_in + fan_out))};
}

std::size_t ParameterTable::add(std::string name, std::string official, std::vector<std::size_t> shape, Initial initial,
                                Split split) {
  tensors_.push_back({{official}, shape});
  specs_.push_back({std::move(name), std::move(shape), true, split});
  official_.push_back(std::move(official));
  initials_.push_back(initial);
  return specs_.size() - 1;
}

std::size_t ParameterTable::count() const {
  std::size_t sum = 0;
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    if (std::find(collected_.begin(), collected_.end(), i) != collected_.end()) continue;
    std::size_t size = 1;
    for (auto const extent : specs_[i].shape) size *= extent;
    sum += size;
  }
  return sum;
}

void ParameterTable::require_entries(std::span<Parameter const> entries) const {
  bool const same = std::equal(entries.begin(), entries.end(), specs_.begin(), specs_.end(),
                               [](auto const& a, auto const& b) { return a.name == b.name && a.shape == b.shape; });
  if (!same) {
    throw ShapeError("krate::models::ParameterTable",
                     "the parameter list is not the one of this table (other names or shapes); take the table of the "
                     "model's configuration");
  }
}

}  // namespace krate::models
