// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/require.hpp"
#include "krate/nn/impl/fourier_positions_decl.hpp"

namespace krate {

/// Features of each position, of which 32 tell the row and 32 the column.
inline constexpr std::size_t fourier_features = 64;

/// Where the patches of a grid are, in [0, 2 pi] and several frequencies: for row r of R rows
///     sin(v / 10000^(2 i / 32)) and cos of the same, i = 0 .. 15, in turn,   v = 2 pi (r + 1) / (R + 1e-6)
/// and behind these the same of the column. Nothing depends on how many patches another image had.
/// Source: El-Nouby et al. 2021 (XCiT), from which ToST has it. Computed in double whatever the scalar.
/// @param table  [rows * columns, 64], written
/// @throws ShapeError if extents disagree
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class Table>
void fourier_positions(Space const& space, std::size_t rows, std::size_t columns, Table const& table) {
  using T = typename Table::value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  require_shape("krate::fourier_positions", "table", table, {rows * columns, fourier_features}, "64 numbers a patch");
  impl::FourierPositions<Space, T>::fill(space, rows, columns, as_matrix<Space>(table));
}

}  // namespace krate
