// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/nn/token_embedding.hpp"

namespace krate::impl {

/// One team a token.
template <class Space, class T>
struct AddPositions {
  ConstMatrix<T, Space> patch_tokens;
  ConstVector<T, Space> class_token;
  ConstMatrix<T, Space> positions;
  Tensor3<T, Space> tokens;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const count = static_cast<std::int64_t>(positions.extent(0));
    std::int64_t const b = team.league_rank() / count, t = team.league_rank() % count;
    T const* const source = t == 0 ? class_token.data() : &patch_tokens(b * (count - 1) + t - 1, 0);
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(tokens.extent(2))),
                         [&](int j) { tokens(b, t, j) = source[j] + positions(t, j); });
  }
};

/// One team a token that came from a patch.
template <class Space, class T>
struct TakePatchTokens {
  ConstTensor3<T, Space> dtokens;
  Matrix<T, Space> dpatch_tokens;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const r = team.league_rank();
    std::int64_t const patches = static_cast<std::int64_t>(dtokens.extent(1)) - 1, b = r / patches, t = 1 + r % patches;
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(dtokens.extent(2))),
                         [&](int j) { dpatch_tokens(r, j) = dtokens(b, t, j); });
  }
};

/// One work item: a few neighbouring features of one position, summed over the batch.
template <class Space, class T>
struct SumOverBatch {
  static constexpr int width = is_device<Space> ? 1 : 16;
  ConstTensor3<T, Space> dtokens;
  Vector<T, Space> dclass_token;
  Matrix<T, Space> dpositions;
  KOKKOS_FUNCTION std::int64_t tiles() const {
    return (static_cast<std::int64_t>(dtokens.extent(2)) + width - 1) / width;
  }
  KOKKOS_FUNCTION void operator()(std::int64_t item) const {
    auto const batch = static_cast<std::int64_t>(dtokens.extent(0)), dim = static_cast<std::int64_t>(dtokens.extent(2));
    std::int64_t const t = item / tiles(), first = item % tiles() * width;
    int const n = static_cast<int>(dim - first < width ? dim - first : width);
    T sum[width] = {};
    for (std::int64_t b = 0; b < batch; ++b)
      for (int l = 0; l < n; ++l) sum[l] += dtokens(b, t, first + l);
    for (int l = 0; l < n; ++l) {
      dpositions(t, first + l) += sum[l];
      if (t == 0) dclass_token(first + l) += sum[l];
    }
  }
};

template <class Space, class T>
void TokenEmbedding<Space, T>::forward(Space const& space, ConstMatrix<T, Space> patch_tokens,
                                       ConstVector<T, Space> class_token, ConstMatrix<T, Space> positions,
                                       Tensor3<T, Space> tokens) {
  if (tokens.size() == 0) return;
  Kokkos::parallel_for(KRATE_LABEL("krate::embed_tokens::add_positions"),
                       rows(space, tokens.extent(0) * tokens.extent(1)),
                       AddPositions<Space, T>{patch_tokens, class_token, positions, tokens});
}

template <class Space, class T>
void TokenEmbedding<Space, T>::backward(Space const& space, ConstTensor3<T, Space> dtokens,
                                        Matrix<T, Space> dpatch_tokens, Vector<T, Space> dclass_token,
                                        Matrix<T, Space> dpositions) {
  if (dtokens.size() == 0) return;
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::embed_tokens_backward"));
  if (dpatch_tokens.extent(0) > 0) {
    Kokkos::parallel_for(KRATE_LABEL("krate::embed_tokens::take_patches"), rows(space, dpatch_tokens.extent(0)),
                         TakePatchTokens<Space, T>{dtokens, dpatch_tokens});
  }
  SumOverBatch<Space, T> const sum{dtokens, dclass_token, dpositions};
  Kokkos::parallel_for(KRATE_LABEL("krate::embed_tokens::sum_over_batch"),
                       elements(space, dtokens.extent(1) * sum.tiles()), sum);
}

}  // namespace krate::impl
