// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernels that the coding rates share.
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/types.hpp"

namespace krate::impl {

template <class T, class Space>
KOKKOS_INLINE_FUNCTION Strided<T, Space> block(Strided<T, Space> const& v, std::int64_t i, std::int64_t rows,
                                               std::int64_t j, std::int64_t columns) {
  return Strided<T, Space>(v.data() + i * v.stride(0) + j * v.stride(1),
                           Kokkos::LayoutStride(rows, v.stride(0), columns, v.stride(1)));
}

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

/// M to I + M for each matrix of a batch; the diagonal of M is kept.
template <class Space>
struct AddIdentity {
  Tensor3<double, Space> s;
  Matrix<double, Space> diagonal;  ///< [batch, n]
  KOKKOS_FUNCTION void operator()(std::int64_t e) const {
    std::int64_t const n = static_cast<std::int64_t>(s.extent(1)), b = e / n, i = e % n;
    diagonal(b, i) = s(b, i, i);
    s(b, i, i) += 1;
  }
};

}  // namespace krate::impl
