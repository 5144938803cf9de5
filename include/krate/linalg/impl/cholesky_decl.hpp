// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/types.hpp"
#include "krate/linalg/route.hpp"

namespace krate {

/// What a factorization found, in the memory of its space; read by check().
struct NumericalStatus {
  static constexpr std::int64_t none = INT64_MAX;
  /// The failure with the smallest matrix index, packed so that one atomic minimum keeps it whatever the order of
  /// threads.
  std::int64_t first = none;

  KOKKOS_FUNCTION bool failed() const { return first != none; }
  /// First matrix of the batch that failed; only if failed().
  KOKKOS_FUNCTION std::int64_t matrix() const { return first >> 31; }
  /// Its first pivot that is not positive.
  KOKKOS_FUNCTION std::int64_t pivot() const { return first & INT32_MAX; }
};

namespace impl {

template <class Space, class T>
struct Cholesky {
  static void run(Space const& space, Tensor3<T, Space> a, Value<NumericalStatus, Space> status, Route route);
};

[[noreturn]] void throw_not_definite(char const* where, NumericalStatus const& status);

}  // namespace impl
}  // namespace krate
