// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/nn/look_up.hpp"

namespace krate::impl {

/// One team a row of the output.
template <class Space, class T>
struct TakeRows {
  ConstVector<Label, Space> ids;
  ConstMatrix<T, Space> table;
  bool adds;
  Matrix<T, Space> out;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const i = team.league_rank();
    std::int64_t const id = ids(i);
    bool const known = id >= 0 && id < static_cast<std::int64_t>(table.extent(0));
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(out.extent(1))), [&](int j) {
      T const value = known ? table(id, j) : Kokkos::Experimental::quiet_NaN_v<T>;
      out(i, j) = adds ? out(i, j) + value : value;
    });
  }
};

/// One team a share of the table: the entries whose remainder by the number of teams is its own. It goes through all
/// ids in order, so that each entry is summed in that order.
template <class Space, class T>
struct AddToOwnRows {
  ConstVector<Label, Space> ids;
  ConstMatrix<T, Space> dout;
  std::int64_t padding;
  Matrix<T, Space> dtable;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const count = static_cast<std::int64_t>(ids.extent(0)), entries = static_cast<std::int64_t>(dtable.extent(0));
    for (std::int64_t i = 0; i < count; ++i) {
      std::int64_t const id = ids(i);
      if (id < 0 || id >= entries || id == padding || id % team.league_size() != team.league_rank()) continue;
      Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(dtable.extent(1))),
                           [&](int j) { dtable(id, j) += dout(i, j); });
    }
  }
};

template <class Space, class T>
void TableLookUp<Space, T>::forward(Space const& space, ConstVector<Label, Space> ids, ConstMatrix<T, Space> table,
                                    LookUp how, Matrix<T, Space> out) {
  if (out.size() == 0) return;
  Kokkos::parallel_for(KRATE_LABEL("krate::look_up"), rows(space, ids.extent(0)),
                       TakeRows<Space, T>{ids, table, how == LookUp::add, out});
}

template <class Space, class T>
void TableLookUp<Space, T>::backward(Space const& space, ConstVector<Label, Space> ids, ConstMatrix<T, Space> dout,
                                     Label padding, Matrix<T, Space> dtable) {
  if (dout.size() == 0 || dtable.size() == 0) return;
  constexpr std::size_t most = is_device<Space> ? 512 : 64;
  Kokkos::parallel_for(KRATE_LABEL("krate::look_up_backward"), rows(space, std::min(dtable.extent(0), most)),
                       AddToOwnRows<Space, T>{ids, dout, padding, dtable});
}

}  // namespace krate::impl
