// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

#include "krate/core/types.hpp"

namespace krate {

/// Waits for `space` and returns a rank-0 View's value on the host. `why` labels the fence, "krate::op: what is read".
/// @note allocates: no; fences: yes, once
template <class Space, class V>
typename V::non_const_value_type fetch(Space const& space, V const& value, std::string const& why) {
  static_assert(V::rank() == 0, "expected a View of rank 0");
  if constexpr (Kokkos::SpaceAccessibility<Kokkos::HostSpace, typename Space::memory_space>::accessible) {
    space.fence(why);
    return value();
  } else {
    typename V::non_const_value_type found;
    Kokkos::deep_copy(space, Kokkos::View<decltype(found), Kokkos::HostSpace, impl::Unmanaged>(&found), value);
    space.fence(why);
    return found;
  }
}

}  // namespace krate
