// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/analysis/impl/nearest_subspace_decl.hpp"
#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "linalg/impl/row_sum.hpp"

namespace krate::impl {

/// One team a row. The residual is |z|^2 - |Q z|^2: it is least where the projection is longest.
template <class Space, class T>
struct NearestSubspaceOfRow {
  ConstMatrix<T, Space> z;
  ConstTensor3<double, Space> bases;
  Vector<Label, Space> found;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const r = team.league_rank();
    auto const dim = static_cast<std::int64_t>(z.extent(1));
    double longest = 0;
    Label nearest = 0;
    for (std::int64_t k = 0; k < static_cast<std::int64_t>(bases.extent(0)); ++k) {
      double length = 0;
      for (std::int64_t i = 0; i < static_cast<std::int64_t>(bases.extent(1)); ++i) {
        double const along =
            row_sum<double>(team, dim, [&](std::int64_t j) { return bases(k, i, j) * static_cast<double>(z(r, j)); });
        length += along * along;
      }
      if (length > longest) {
        longest = length;
        nearest = static_cast<Label>(k);
      }
    }
    Kokkos::single(Kokkos::PerTeam(team), [&]() { found(r) = nearest; });
  }
};

template <class Space, class T>
void NearestSubspace<Space, T>::run(Space const& space, ConstMatrix<T, Space> z, ConstTensor3<double, Space> bases,
                                    Vector<Label, Space> found) {
  Kokkos::parallel_for(KRATE_LABEL("krate::analysis::nearest_subspace"), rows(space, z.extent(0)),
                       NearestSubspaceOfRow<Space, T>{z, bases, found});
}

}  // namespace krate::impl
