// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/models/objective.hpp"

namespace krate::models {

void store_objective(std::optional<Mcr2Objective> const& mcr2, Configuration& stored) {
  if (!mcr2) return;
  stored.set("objective", "mcr2");
  stored.set("eps_squared", mcr2->eps_squared);
  stored.set("frobenius", mcr2->frobenius);
}

std::optional<Mcr2Objective> stored_objective(Configuration const& stored) {
  constexpr char const* where = "krate::models::stored_objective";
  auto const name = stored.get<std::string>("objective", "cross_entropy");
  require_value(name == "cross_entropy" || name == "mcr2", where, "objective", name, "must be cross_entropy or mcr2");
  if (name != "mcr2") return {};
  Mcr2Objective const mcr2{stored.get<double>("eps_squared"), stored.get<double>("frobenius")};
  mcr2.validate(where);
  return mcr2;
}

}  // namespace krate::models
