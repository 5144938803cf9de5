// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/require.hpp"
#include "krate/nn/impl/sine_positions_decl.hpp"

namespace krate {

/// A fixed position table: zeros for the class token, then for the patch in row r and column c of the grid
///     sin(c w), cos(c w), sin(r w), cos(r w),   w_j = 10000^(-j / q), j = 0 .. q - 1, q = dim / 4
/// Source: Vaswani et al. 2017, "Attention is all you need", section 3.5, in two dimensions and the order that the
/// official code of CRATE-MAE has. Computed in double whatever the scalar.
/// @param table  [1 + rows * columns, dim], written
/// @throws ShapeError if extents disagree; ValueError if 4 does not divide dim
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class Table>
void sine_positions(Space const& space, std::size_t rows, std::size_t columns, Table const& table) {
  using T = typename Table::value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::sine_positions";
  require_value(table.extent(1) % 4 == 0, where, "dim", table.extent(1), "must be a multiple of 4");
  require_shape(where, "table", table, {1 + rows * columns, table.extent(1)}, "the class token and the grid");
  impl::SinePositions<Space, T>::fill(space, columns, as_matrix<Space>(table));
}

}  // namespace krate
