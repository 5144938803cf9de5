// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/core/require.hpp"
#include "krate/core/types.hpp"

namespace krate {

namespace impl {
template <class From, class To>
struct CopyElements {
  From from;
  To to;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const { to(i) = static_cast<typename To::value_type>(from(i)); }
};
template <class From, class To>
struct CopyRows {
  From from;
  To to;
  template <class Member>
  KOKKOS_FUNCTION void operator()(Member const& team) const {
    auto const i = team.league_rank();
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(to.extent(1))),
                         [&](int j) { to(i, j) = static_cast<typename To::value_type>(from(i, j)); });
  }
};
template <class V>
struct FillElements {
  V v;
  typename V::value_type value;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const { v(i) = value; }
};
template <class From, class To>
struct AddElements {
  From from;
  To to;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const { to(i) += from(i); }
};
template <class Space, class V>
Vector<typename V::value_type, Space> flat(char const* where, V const& v) {
  check_reachable<Space, V>();
  require_value(v.span_is_contiguous(), where, "view", "strided", "must be contiguous; copy it first");
  return Vector<typename V::value_type, Space>(v.data(), v.size());
}
}  // namespace impl

/// to = from, element by element in memory order, converting the scalar type. Both contiguous, sizes equal.
/// Unlike Kokkos::deep_copy it runs as one labelled kernel on `space`.
/// @throws ValueError if a View has gaps or the sizes differ
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class From, class To>
void copy(Space const& space, From const& from, To const& to) {
  auto const f = impl::flat<Space>("krate::copy", from);
  auto const t = impl::flat<Space>("krate::copy", to);
  require_value(f.size() == t.size(), "krate::copy", "size", f.size(), "must equal the size of the target");
  Kokkos::parallel_for(KRATE_LABEL("krate::copy"), impl::elements(space, f.size()),
                       impl::CopyElements<decltype(f), decltype(t)>{f, t});
}

/// The same for matrices [rows, features] whose rows may lie apart. @throws ShapeError if extents disagree
template <class Space, class T, class U>
void copy_rows(Space const& space, ConstMatrix<T, Space> const& from, Matrix<U, Space> const& to) {
  require_shape("krate::copy_rows", "to", to, {from.extent(0), from.extent(1)}, "same shape as the source");
  Kokkos::parallel_for(KRATE_LABEL("krate::copy_rows"), impl::rows(space, from.extent(0)),
                       impl::CopyRows<ConstMatrix<T, Space>, Matrix<U, Space>>{from, to});
}

/// v = value, any rank. @throws ValueError if v has gaps     @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class V>
void fill(Space const& space, V const& v, typename V::value_type value) {
  auto const t = impl::flat<Space>("krate::fill", v);
  Kokkos::parallel_for(KRATE_LABEL("krate::fill"), impl::elements(space, t.size()),
                       impl::FillElements<decltype(t)>{t, value});
}

/// to += from, element by element in memory order.
/// @throws ValueError if a View has gaps or the sizes differ
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class From, class To>
void add(Space const& space, From const& from, To const& to) {
  auto const f = impl::flat<Space>("krate::add", from);
  auto const t = impl::flat<Space>("krate::add", to);
  require_value(f.size() == t.size(), "krate::add", "size", f.size(), "must equal the size of the target");
  Kokkos::parallel_for(KRATE_LABEL("krate::add"), impl::elements(space, f.size()),
                       impl::AddElements<decltype(f), decltype(t)>{f, t});
}

}  // namespace krate
