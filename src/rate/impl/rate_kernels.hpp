// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernels that the coding rates share.
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/types.hpp"

namespace krate::impl {

/// to = scale * from, element by element; layouts and scalars may differ.
template <class Space, class From, class To>
struct ScaleInto {
  From from;
  To to;
  double scale;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const i = team.league_rank();
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(to.extent(1))), [&](int j) {
      to(i, j) = static_cast<typename To::value_type>(scale * static_cast<double>(from(i, j)));
    });
  }
};

/// Adds 1 to the diagonal of each matrix of a batch.
template <class Space>
struct AddIdentity {
  Tensor3<double, Space> s;
  KOKKOS_FUNCTION void operator()(std::int64_t e) const {
    std::int64_t const n = static_cast<std::int64_t>(s.extent(1));
    s(e / n, e % n, e % n) += 1;
  }
};

/// sum_i log L_ii = 1/2 log det L L^T, in order.
template <class Space>
KOKKOS_INLINE_FUNCTION double half_log_det(double const* l, std::int64_t n) {
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += Kokkos::log(l[i * (n + 1)]);
  return sum;
}

}  // namespace krate::impl
