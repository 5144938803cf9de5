// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/linalg/impl/row_reduce_decl.hpp"

namespace krate::impl {

/// One team a chunk of rows.
template <class Space, class T>
struct ChunkSums {
  ConstMatrix<T, Space> x;
  Matrix<T, Space> partial;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const chunk = team.league_rank();
    std::size_t const rows = x.extent(0), begin = rows * chunk / row_chunks, end = rows * (chunk + 1) / row_chunks;
    int const columns = static_cast<int>(x.extent(1));
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, columns), [&](int j) { partial(chunk, j) = 0; });
    for (std::size_t i = begin; i < end; ++i) {
      Kokkos::parallel_for(Kokkos::TeamVectorRange(team, columns), [&](int j) { partial(chunk, j) += x(i, j); });
    }
  }
};

template <class Space, class T>
struct AddChunks {
  Matrix<T, Space> partial;
  Vector<T, Space> sums;
  KOKKOS_FUNCTION void operator()(std::int64_t j) const {
    T sum = 0;
    for (std::size_t chunk = 0; chunk < row_chunks; ++chunk) sum += partial(chunk, j);
    sums(j) += sum;
  }
};

template <class Space, class T>
void RowReduce<Space, T>::column_sums(Space const& space, ConstMatrix<T, Space> x, Matrix<T, Space> partial,
                                      Vector<T, Space> sums) {
  Kokkos::parallel_for(KRATE_LABEL("krate::column_sums::chunks"), rows(space, row_chunks),
                       ChunkSums<Space, T>{x, partial});
  Kokkos::parallel_for(KRATE_LABEL("krate::column_sums::total"), elements(space, sums.extent(0)),
                       AddChunks<Space, T>{partial, sums});
}

}  // namespace krate::impl
