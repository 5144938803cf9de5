// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/attention/impl/newest_statistics_decl.hpp"
#include "krate/core/require.hpp"

namespace krate {

/// The row of causal token_statistics() that belongs to the newest token, from the sums over those before it, to which
/// it is added.
/// Source: Wu et al. 2025 (ToST, arXiv 2412.17810), TSSA of the authors' language code.
/// @param w              [batch, heads * head_dim]: the newest token's projection
/// @param temperature    [heads]
/// @param position_bias  [heads, more than position]; [0, 0] for none
/// @param position       of the token; 0 begins the sums anew, whatever they hold
/// @param sums           read and written
/// @param out            [batch, heads * head_dim], must not overlap w
/// @throws ShapeError if extents disagree; ValueError if heads do not divide the columns, or the bias has no such
///         position
/// @note allocates: no; fences: no; bitwise repeatable: yes, for any number of threads
template <class Space, class W, class Temperature, class Bias, class Out>
void attend_newest_statistics(Space const& space, W const& w, Temperature const& temperature, Bias const& position_bias,
                              std::size_t position, StatisticsSoFar<Space, typename Out::value_type> const& sums,
                              Out const& out) {
  using T = typename Out::value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::attend_newest_statistics";
  std::size_t const batch = w.extent(0), columns = w.extent(1), heads = temperature.extent(0);
  require_value(heads > 0 && columns % heads == 0, where, "heads", heads, "must divide the columns of w");
  if (position_bias.size() > 0) {
    require_shape(where, "position_bias", position_bias, {heads, position_bias.extent(1)}, "a row a head");
    require_value(position < position_bias.extent(1), where, "position", position,
                  "must be one that the bias of positions has");
  }
  require_shape(where, "sums.energy", sums.energy, {batch, columns}, "same shape as w");
  require_shape(where, "sums.moment", sums.moment, {batch, columns}, "same shape as w");
  require_shape(where, "sums.counts", sums.counts, {batch, heads}, "[batch, heads]");
  require_shape(where, "sums.membership", sums.membership, {batch, heads}, "[batch, heads]");
  require_shape(where, "out", out, {batch, columns}, "same shape as w");
  impl::NewestStatistics<Space, T>::attend(space, as_matrix<Space>(w), as_vector<Space>(temperature),
                                           as_matrix<Space>(position_bias), position, sums, as_matrix<Space>(out));
}

}  // namespace krate
