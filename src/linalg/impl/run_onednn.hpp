// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The way from a product of Views to oneDNN.
#pragma once

#include "krate/core/label.hpp"
#include "krate/core/types.hpp"
#include "linalg/impl/onednn.hpp"

namespace krate::impl {

/// Runs C = f(alpha A B + ...) if oneDNN is the library for it; `more` says what is to be done beside the product.
/// @param bias,addend  null, or as `more` says
template <class Space, class T>
bool run_onednn([[maybe_unused]] ConstStrided<T, Space> const& a, [[maybe_unused]] ConstStrided<T, Space> const& b,
                [[maybe_unused]] OnednnProduct more, [[maybe_unused]] T const* bias, [[maybe_unused]] T const* addend,
                [[maybe_unused]] Strided<T, Space> const& c) {
#if KRATE_HAVE_ONEDNN
  if constexpr (has_onednn<Space, T>) {
    more.rows = c.extent(0);
    more.columns = c.extent(1);
    more.inner = a.extent(1);
    more.a = operand(a);
    more.b = operand(b);
    more.c = operand(c);
    if (!more.a.good || !more.b.good || !more.c.good || !more.c.normal) return false;
    if (OnednnPlan* const plan = onednn_plan(more)) {
      Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::gemm[onednn]"));
      onednn_run(*plan, {a.data(), b.data(), bias, addend, c.data()});
      return true;
    }
  }
#endif
  return false;
}

}  // namespace krate::impl
