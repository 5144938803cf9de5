// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reductions along a row by one team, in an order that depends on the length of the row only.
#pragma once

#include "krate/core/compat.hpp"

namespace krate::impl {

template <class Member>
inline constexpr bool on_device = is_device<typename Member::execution_space>;

/// term(0) + term(1) + ... + term(count - 1), to every member of the team. A host thread keeps 16 running sums, which
/// the compiler puts into vector registers; a device team adds in its tree.
template <class S, class Member, class Term>
KOKKOS_INLINE_FUNCTION S row_sum(Member const& team, std::int64_t count, Term const& term) {
  if constexpr (on_device<Member>) {
    S sum = 0;
    Kokkos::parallel_reduce(
        Kokkos::TeamVectorRange(team, count), [&](std::int64_t j, S& part) { part += term(j); }, sum);
    return sum;
  } else {
    constexpr int lanes = 16;
    S sums[lanes] = {};
    std::int64_t const whole = count / lanes * lanes;
    for (std::int64_t j = 0; j < whole; j += lanes)
      for (int l = 0; l < lanes; ++l) sums[l] += term(j + l);
    for (std::int64_t j = whole; j < count; ++j) sums[j - whole] += term(j);
    for (int half = lanes / 2; half > 0; half /= 2)
      for (int l = 0; l < half; ++l) sums[l] += sums[l + half];
    return sums[0];
  }
}

/// The largest of term(0) ... term(count - 1), to every member of the team; the lowest number if there are none.
/// A NaN is passed over.
template <class S, class Member, class Term>
KOKKOS_INLINE_FUNCTION S row_max(Member const& team, std::int64_t count, Term const& term) {
  S largest = Kokkos::reduction_identity<S>::max();
  if constexpr (on_device<Member>) {
    Kokkos::parallel_reduce(
        Kokkos::TeamVectorRange(team, count),
        [&](std::int64_t j, S& part) {
          S const t = term(j);
          part = t > part ? t : part;
        },
        Kokkos::Max<S>(largest));
  } else {
    for (std::int64_t j = 0; j < count; ++j) {
      S const t = term(j);
      largest = t > largest ? t : largest;
    }
  }
  return largest;
}

}  // namespace krate::impl
