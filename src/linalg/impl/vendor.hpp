// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a vendor library can take. Only linalg includes this file; it alone names Kokkos Kernels, BLAS and LAPACK.
#pragma once

#include <climits>
#include <string>

#include "krate/core/compat.hpp"
#include "krate/core/error.hpp"
#include "krate/core/label.hpp"
#include "krate/linalg/route.hpp"
#include "linalg/impl/operand.hpp"
#if KRATE_HAVE_BLAS
#include <KokkosBlas_Host_tpl.hpp>
#endif

namespace krate::impl {

/// True if BLAS and LAPACK can run on this space.
template <class Space>
inline constexpr bool has_host_blas = KRATE_HAVE_BLAS && !is_device<Space>;

#if KRATE_HAVE_BLAS
template <class T>
using Blas = KokkosBlas::Impl::HostBlas<T>;
#endif

template <class V>
Operand operand(V const& v) {
  std::size_t const rows = v.extent(0), columns = v.extent(1), s0 = v.stride(0), s1 = v.stride(1);
  auto const fits = [](std::size_t x) { return x <= INT_MAX; };
  bool const by_rows = (s1 == 1 || columns <= 1) && (s0 >= columns || rows <= 1);
  bool const by_columns = (s0 == 1 || rows <= 1) && (s1 >= rows || columns <= 1);
  std::size_t const stride = by_rows ? (rows <= 1 ? columns : s0) : (columns <= 1 ? rows : s1);
  bool const good = (by_rows || by_columns) && fits(rows) && fits(columns) && fits(stride);
  return {good, by_rows, good ? static_cast<int>(stride > 1 ? stride : 1) : 1};
}

/// Decides between vendor and portable; throws if the vendor was demanded in vain.
inline bool use_vendor(char const* where, Route route, bool possible) {
  if (route == Route::vendor && !possible) {
    throw NotBuiltError(where,
                        "the vendor library cannot run this (no BLAS for this space in this build, or operands "
                        "without a unit stride); use Route::automatic");
  }
  return possible && route != Route::portable;
}

}  // namespace krate::impl
