// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/core/types.hpp"

namespace krate::impl {

/// masked = dcode [code > 0]
template <class Space, class T>
struct MaskByCode {
  ConstMatrix<T, Space> code, dcode;
  Matrix<T, Space> masked;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const i = team.league_rank();
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(code.extent(1))), [&](int j) {
      T const upstream = dcode(i, j);  // read in any case: a branch would cost more
      masked(i, j) = code(i, j) > T(0) ? upstream : T(0);
    });
  }
};

template <class Space, class T>
void mask_by_code(Space const& space, ConstMatrix<T, Space> code, ConstMatrix<T, Space> dcode,
                  Matrix<T, Space> masked) {
  Kokkos::parallel_for(KRATE_LABEL("krate::ista_backward::mask"), rows(space, code.extent(0)),
                       MaskByCode<Space, T>{code, dcode, masked});
}

}  // namespace krate::impl
