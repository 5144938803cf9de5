// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/elementwise.hpp"

namespace krate {

namespace impl {
template <class From, class To>
struct NegateElements {
  From from;
  To to;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const { to(i) = -from(i); }
};
}  // namespace impl

/// to = -from, element by element in memory order; they may be the same View.
/// @throws ValueError if a View has gaps or the sizes differ
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class From, class To>
void negate(Space const& space, From const& from, To const& to) {
  auto const f = impl::flat<Space>("krate::negate", from);
  auto const t = impl::flat<Space>("krate::negate", to);
  require_value(f.size() == t.size(), "krate::negate", "size", f.size(), "must equal the size of the target");
  Kokkos::parallel_for(KRATE_LABEL("krate::negate"), impl::elements(space, t.size()),
                       impl::NegateElements<decltype(f), decltype(t)>{f, t});
}

}  // namespace krate
