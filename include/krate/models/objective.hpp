// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <optional>

#include "krate/core/configuration.hpp"
#include "krate/rate/mcr2_objective.hpp"

namespace krate::models {

/// What a model is trained for, as model files have it: `objective` = "mcr2", `eps_squared` and `frobenius`; none of
/// these for cross-entropy.
void store_objective(std::optional<Mcr2Objective> const& mcr2, Configuration& stored);
/// The other way round. @throws ValueError for another objective, or one that cannot work
std::optional<Mcr2Objective> stored_objective(Configuration const& stored);

}  // namespace krate::models
