// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <vector>

#include "krate/games/impl/game_tables.hpp"

namespace krate::games::impl {

/// The numbers behind the pointers of a game's tables, to be copied to where its kernels run.
struct FlatTables {
  std::vector<double> numbers;
  std::vector<int> integers;
};
FlatTables flattened(RoutingGame const& game);
FlatTables flattened(FiniteGame const& game);

/// The tables of a valid game, its numbers being at these places.
RoutingTables tables_at(RoutingGame const& game, double const* numbers, int const* integers);
FiniteTables tables_at(FiniteGame const& game, double const* numbers, int const* integers);

}  // namespace krate::games::impl
