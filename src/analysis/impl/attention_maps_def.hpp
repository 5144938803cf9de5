// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/analysis/impl/attention_maps_decl.hpp"
#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"

namespace krate::impl {

/// One team a head of a sample.
template <class Space, class T>
struct ClassTokenRow {
  ConstTensor3<T, Space> projected;
  SoftmaxRows<Space, T> softmax;
  Tensor3<T, Space> maps;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    int const heads = static_cast<int>(softmax.sum.extent(1)), width = static_cast<int>(projected.extent(2)) / heads;
    auto const b = team.league_rank() / heads, k = team.league_rank() % heads;
    T const scale = T(1.442695040888963407) / Kokkos::sqrt(static_cast<T>(width));  // of powers of two
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(maps.extent(2))), [&](int i) {
      T logit = 0;
      for (int c = 0; c < width; ++c) logit += projected(b, 0, k * width + c) * projected(b, i + 1, k * width + c);
      maps(b, k, i) = Kokkos::exp2(scale * logit - softmax.shift(b, k, 0)) / softmax.sum(b, k, 0);
    });
  }
};

template <class Space, class T>
void AttentionMaps<Space, T>::class_token(Space const& space, ConstTensor3<T, Space> projected,
                                          SoftmaxRows<Space, T> const& softmax, Tensor3<T, Space> maps) {
  Kokkos::parallel_for(KRATE_LABEL("krate::analysis::class_token_attention"),
                       rows(space, projected.extent(0) * softmax.sum.extent(1)),
                       ClassTokenRow<Space, T>{projected, softmax, maps});
}

}  // namespace krate::impl
