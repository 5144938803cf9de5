// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Products of operands that are rounded to bfloat16: kept in 16 bits where oneDNN takes them, else in the scalar.
#pragma once

#include "krate/core/bfloat16.hpp"
#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/linalg/bfloat16_gemm.hpp"
#include "linalg/impl/run_onednn.hpp"

namespace krate::impl {

/// One team a row. Rows without gaps, as almost all are, have a loop that becomes vector instructions.
template <class Space, class T, class Rounded>
struct RoundRows {
  ConstStrided<T, Space> from;
  Matrix<Rounded, Space> to;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const i = team.league_rank();
    T const* const row = &from(i, 0);
    auto const step = static_cast<std::int64_t>(from.stride(1));
    if (step == 1) {
      round(team, i, [row](std::int64_t j) { return row[j]; });
    } else {
      round(team, i, [row, step](std::int64_t j) { return row[j * step]; });
    }
  }
  template <class Element>
  KOKKOS_FUNCTION void round(RowMember<Space> const& team, std::int64_t i, Element const& element) const {
    Rounded* const out = &to(i, 0);
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(to.extent(1))), [&](int j) {
      bfloat16 const rounded(static_cast<float>(element(j)));
      if constexpr (std::is_same_v<Rounded, bfloat16>) {
        out[j] = rounded;
      } else {
        out[j] = static_cast<float>(rounded);
      }
    });
  }
};

/// A packed copy in the order of `v` in memory.
template <class Rounded, class Space, class T>
ConstStrided<Rounded, Space> rounded(Space const& space, ConstStrided<T, Space> v, Workspace<Space>& work) {
  bool const by_rows = operand(v).normal;
  if (!by_rows) v = transposed(v);
  auto const packed = work.template take<Rounded>(v.extent(0), v.extent(1));
  Kokkos::parallel_for(KRATE_LABEL("krate::gemm::round"), rows(space, v.extent(0)),
                       RoundRows<Space, T, Rounded>{v, packed});
  ConstStrided<Rounded, Space> const result = as_strided<Space>(packed);
  return by_rows ? result : transposed(result);
}

template <class Space, class T>
void Bfloat16Gemm<Space, T>::run(Space const& space, ConstStrided<T, Space> a, ConstStrided<T, Space> b,
                                 Epilogue<Space, T> const& e, Matrix<T, Space> c, Workspace<Space> work) {
  if (c.size() == 0) return;
  OnednnProduct more = epilogue_of(e, c);
  more.bfloat16 = true;
  auto const to_16_bits = [&](auto const& v) { return rounded<bfloat16, Space, T>(space, v, work); };
  if (a.extent(1) > 0 &&
      run_onednn<Space, T>(a, b, more, e.bias.data(), e.addend.data(), as_strided<Space>(c), to_16_bits))
    return;
  auto const left = rounded<T, Space, T>(space, a, work), right = rounded<T, Space, T>(space, b, work);
  GemmEpilogue<Space, T>::run(space, left, right, e, c, Route::automatic);
}

}  // namespace krate::impl
