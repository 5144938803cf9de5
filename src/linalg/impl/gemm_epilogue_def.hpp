// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/linalg/elementwise.hpp"
#include "krate/linalg/gemm.hpp"
#include "krate/linalg/gemm_epilogue.hpp"
#include "linalg/impl/run_onednn.hpp"

namespace krate::impl {

/// One team a row of C.
template <class Space, class T>
struct ApplyEpilogue {
  ConstVector<T, Space> bias;
  T shift;
  bool rectify;
  Matrix<T, Space> c;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const i = team.league_rank();
    bool const has_bias = bias.size() > 0;
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(c.extent(1))), [&](int j) {
      T const v = c(i, j) + (has_bias ? bias(j) + shift : shift);
      c(i, j) = rectify && v < T(0) ? T(0) : v;
    });
  }
};

template <class Space, class T>
void GemmEpilogue<Space, T>::run(Space const& space, ConstStrided<T, Space> a, ConstStrided<T, Space> b,
                                 Epilogue<Space, T> const& e, Matrix<T, Space> c, Route route) {
  if (c.size() == 0) return;
  bool const adds = e.addend.size() > 0, in_place = adds && e.addend.data() == c.data();
  Strided<T, Space> const result = as_strided<Space>(c);
  if (route == Route::automatic && a.extent(1) > 0) {
    if (run_onednn<Space, T>(a, b, epilogue_of(e, c), e.bias.data(), e.addend.data(), result)) return;
  }
  if (adds && !in_place) copy_rows<Space, T, T>(space, e.addend, c);
  Gemm<Space, T>::run(space, T(1), a, b, adds ? T(1) : T(0), result, route);
  if (e.bias.size() == 0 && e.shift == T(0) && !e.rectify) return;
  Kokkos::parallel_for(KRATE_LABEL("krate::gemm::epilogue"), rows(space, c.extent(0)),
                       ApplyEpilogue<Space, T>{e.bias, e.shift, e.rectify, c});
}

}  // namespace krate::impl
