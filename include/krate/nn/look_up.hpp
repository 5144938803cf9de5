// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/require.hpp"
#include "krate/nn/impl/look_up_decl.hpp"

namespace krate {

/// Rows of a table, as token and position embeddings take them:
///     out[i] = table[ids[i]],   or out[i] += table[ids[i]] with LookUp::add
/// An id outside the table gives a row of NaN.
/// Source: Radford et al. 2019 (GPT-2), whose embeddings causal CRATE keeps; Devlin et al. 2019 (BERT), section 3.
/// @param ids  [rows] of Label     @param table  [entries, dim]     @param out  [rows, dim]
/// @throws ShapeError if extents disagree
/// @note allocates: no; fences: no; bitwise repeatable: yes; gradient: look_up_backward
template <class Space, class Ids, class Table, class Out>
void look_up(Space const& space, Ids const& ids, Table const& table, LookUp how, Out const& out) {
  using T = typename Out::value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  require_shape("krate::look_up", "out", out, {ids.extent(0), table.extent(1)}, "a row of the table for each id");
  impl::TableLookUp<Space, T>::forward(space, as_vector<Space>(ids), as_matrix<Space>(table), how,
                                       as_matrix<Space>(out));
}

/// No id is padding.
inline constexpr Label no_padding = -1;

/// Gradient of look_up: dtable[ids[i]] += dout[i], in the order of the ids. Ids outside the table are left out.
/// @param padding  the table's row that learns nothing from being looked up, or no_padding
/// @param dout  [rows, dim]     @param dtable  [entries, dim], added to
/// @throws ShapeError if extents disagree
/// @note allocates: no; fences: no; bitwise repeatable: yes, for any number of threads
template <class Space, class Ids, class Dout, class Dtable>
void look_up_backward(Space const& space, Ids const& ids, Dout const& dout, Label padding, Dtable const& dtable) {
  using T = typename Dtable::value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  require_shape("krate::look_up_backward", "dout", dout, {ids.extent(0), dtable.extent(1)},
                "a row of the table for each id");
  impl::TableLookUp<Space, T>::backward(space, as_vector<Space>(ids), as_matrix<Space>(dout), padding,
                                        as_matrix<Space>(dtable));
}

}  // namespace krate
