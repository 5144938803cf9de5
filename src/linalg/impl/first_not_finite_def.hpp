// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/linalg/impl/first_not_finite_decl.hpp"

namespace krate::impl {

template <class Space, class T>
struct LeastBadPlace {
  ConstStrided<T, Space> z;
  KOKKOS_FUNCTION void operator()(std::int64_t e, std::int64_t& least) const {
    std::int64_t const columns = static_cast<std::int64_t>(z.extent(1));
    if (e < least && !Kokkos::isfinite(z(e / columns, e % columns))) least = e;
  }
};

template <class Space, class T>
std::int64_t FirstNotFinite<Space, T>::find(Space const& space, ConstStrided<T, Space> z) {
  std::int64_t const size = static_cast<std::int64_t>(z.size());
  std::int64_t least = size;
  if (size > 0) {
    Kokkos::parallel_reduce(KRATE_LABEL("krate::require_finite"), elements(space, z.size()), LeastBadPlace<Space, T>{z},
                            Kokkos::Min<std::int64_t>(least));
  }
  return least < size ? least : -1;
}

}  // namespace krate::impl
