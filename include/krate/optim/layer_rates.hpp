// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <span>
#include <vector>

#include "krate/core/parameters.hpp"
#include "krate/core/require.hpp"

namespace krate::optim {

/// Factors of the learning rate that fall with the distance from a model's output, for fine-tuning: one a parameter.
/// Parameters named blocks/00/..., blocks/01/... (or decoder_blocks/..., class_blocks/...) make the layers 1 ... L, in
/// the order of the list, and get decay^(L + 1 - layer); those before the first block, the embedding, are layer 0;
/// all others, such as the final norm and the head, get 1.
/// @throws ValueError unless decay lies in (0, 1]
std::vector<double> layer_rates(std::span<Parameter const> parameters, double decay);

/// @throws ValueError unless there is a factor for each parameter, or none at all
template <class Space, class T>
void require_rates(char const* where, std::span<double const> rates, ParameterList<Space, T> const& list) {
  require_value(rates.empty() || rates.size() == list.entries().size(), where, "rates.size()", rates.size(),
                "must be 0 or the number of parameters");
}

}  // namespace krate::optim
