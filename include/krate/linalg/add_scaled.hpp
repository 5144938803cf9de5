// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/elementwise.hpp"

namespace krate {

namespace impl {
template <class From, class To>
struct AddScaledElements {
  From from;
  To to;
  typename To::value_type factor;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const { to(i) += factor * from(i); }
};
}  // namespace impl

/// to += factor * from, element by element in memory order.
/// @throws ValueError if a View has gaps or the sizes differ
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class From, class To>
void add_scaled(Space const& space, typename To::value_type factor, From const& from, To const& to) {
  auto const f = impl::flat<Space>("krate::add_scaled", from);
  auto const t = impl::flat<Space>("krate::add_scaled", to);
  require_value(f.size() == t.size(), "krate::add_scaled", "size", f.size(), "must equal the size of the target");
  Kokkos::parallel_for(KRATE_LABEL("krate::add_scaled"), impl::elements(space, f.size()),
                       impl::AddScaledElements<decltype(f), decltype(t)>{f, t, factor});
}

}  // namespace krate
