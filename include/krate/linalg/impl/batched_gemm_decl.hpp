// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/types.hpp"
#include "krate/linalg/route.hpp"

namespace krate {

/// [outer, inner, rows, columns]: a matrix for each pair, in any layout; e.g. [batch, heads, tokens, head_dim].
template <class T, class Space>
using StridedBatch = Kokkos::View<T****, Kokkos::LayoutStride, DeviceOf<Space>, impl::Unmanaged>;

namespace impl {

template <class Space, class T>
struct BatchedGemm {
  static void run(Space const& space, T alpha, StridedBatch<T const, Space> a, StridedBatch<T const, Space> b, T beta,
                  StridedBatch<T, Space> c, Route route);
};

}  // namespace impl
}  // namespace krate
