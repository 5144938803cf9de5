// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The way from a product of Views to oneDNN.
#pragma once

#include <algorithm>
#include <type_traits>

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/core/types.hpp"
#include "krate/linalg/impl/gemm_epilogue_decl.hpp"
#include "linalg/impl/onednn.hpp"
#include "linalg/impl/vendor.hpp"

namespace krate::impl {

/// True where oneDNN can be asked.
template <class Space, class T>
inline constexpr bool has_onednn = KRATE_HAVE_ONEDNN && !is_device<Space> && std::is_same_v<T, float>;

/// What an epilogue says to oneDNN.
template <class Space, class T>
OnednnProduct epilogue_of(Epilogue<Space, T> const& e, Matrix<T, Space> const& c) {
  OnednnProduct more;
  more.shift = static_cast<float>(e.shift);
  more.bias = e.bias.size() > 0;
  more.rectify = e.rectify;
  if (e.addend.size() > 0) {
    bool const in_place = e.addend.data() == c.data();
    more.addend = in_place ? OnednnProduct::Addend::result : OnednnProduct::Addend::matrix;
    if (!in_place) more.extra = operand(e.addend);
  }
  return more;
}

/// Runs C = f(alpha A B + ...) if oneDNN is the library for it; `more` says what is to be done beside the product.
/// @param bias,addend  null, or as `more` says
/// @param prepare      gives an operand as oneDNN gets it: itself, or with more.bfloat16 a packed copy in its order
template <class Space, class T, class Prepare>
bool run_onednn([[maybe_unused]] ConstStrided<T, Space> const& a, [[maybe_unused]] ConstStrided<T, Space> const& b,
                [[maybe_unused]] OnednnProduct more, [[maybe_unused]] T const* bias, [[maybe_unused]] T const* addend,
                [[maybe_unused]] Strided<T, Space> const& c, [[maybe_unused]] Prepare const& prepare) {
#if KRATE_HAVE_ONEDNN
  if constexpr (has_onednn<Space, T>) {
    auto const described = [&](auto const& v) {
      Operand o = operand(v);
      if (more.bfloat16) {
        std::size_t const leading = v.extent(o.normal ? 1 : 0);
        o.good = leading <= INT_MAX;
        o.leading = static_cast<int>(std::max<std::size_t>(leading, 1));
      }
      return o;
    };
    more.rows = c.extent(0);
    more.columns = c.extent(1);
    more.inner = a.extent(1);
    more.a = described(a);
    more.b = described(b);
    more.c = operand(c);
    if (!more.a.good || !more.b.good || !more.c.good || !more.c.normal) return false;
    if (OnednnPlan* const plan = onednn_plan(more)) {
      Kokkos::Profiling::ScopedRegion region(more.bfloat16 ? KRATE_LABEL("krate::gemm[onednn, bf16]")
                                                           : KRATE_LABEL("krate::gemm[onednn]"));
      onednn_run(*plan, {prepare(a).data(), prepare(b).data(), bias, addend, c.data()});
      return true;
    }
  }
#endif
  return false;
}

template <class Space, class T>
bool run_onednn(ConstStrided<T, Space> const& a, ConstStrided<T, Space> const& b, OnednnProduct const& more,
                T const* bias, T const* addend, Strided<T, Space> const& c) {
  return run_onednn<Space, T>(a, b, more, bias, addend, c, [](auto const& v) { return v; });
}

}  // namespace krate::impl
