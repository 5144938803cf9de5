// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/linalg/impl/log_det_decl.hpp"

namespace krate::impl {

/// One work item a matrix: a sum over the diagonal, in order.
template <class Space, class T>
struct SumLogDiagonal {
  ConstTensor3<T, Space> l;
  Vector<T, Space> result;
  KOKKOS_FUNCTION void operator()(std::int64_t m) const {
    T sum = 0;
    for (int i = 0; i < static_cast<int>(l.extent(1)); ++i) sum += Kokkos::log(l(m, i, i));
    result(m) = 2 * sum;
  }
};

template <class Space, class T>
void LogDet<Space, T>::run(Space const& space, ConstTensor3<T, Space> l, Vector<T, Space> result) {
  Kokkos::parallel_for(KRATE_LABEL("krate::log_det"), elements(space, l.extent(0)),
                       SumLogDiagonal<Space, T>{l, result});
}

}  // namespace krate::impl
