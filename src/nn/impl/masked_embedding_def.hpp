// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/linalg/row_reduce.hpp"
#include "krate/nn/masked_embedding.hpp"

namespace krate::impl {

/// One team a token.
template <class Space, class T>
struct EmbedMasked {
  ConstMatrix<T, Space> patch_tokens;
  ConstMatrix<bool, Space> removed;
  ConstVector<T, Space> class_token, mask_token;
  ConstMatrix<T, Space> positions;
  Tensor3<T, Space> tokens;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const count = static_cast<std::int64_t>(positions.extent(0));
    std::int64_t const b = team.league_rank() / count, t = team.league_rank() % count;
    T const* source = class_token.data();
    if (t > 0) source = removed(b, t - 1) ? mask_token.data() : &patch_tokens(b * (count - 1) + t - 1, 0);
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(tokens.extent(2))),
                         [&](int j) { tokens(b, t, j) = source[j] + positions(t, j); });
  }
};

/// One team a token that came from a patch: its gradient goes to the patch or to the token that stood for it.
template <class Space, class T>
struct PartMasked {
  ConstTensor3<T, Space> dtokens;
  ConstMatrix<bool, Space> removed;
  Matrix<T, Space> dpatch_tokens, dmasked;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const r = team.league_rank();
    auto const patches = static_cast<std::int64_t>(removed.extent(1));
    std::int64_t const b = r / patches, i = r % patches;
    bool const gone = removed(b, i);
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(dtokens.extent(2))), [&](int j) {
      T const d = dtokens(b, i + 1, j);
      dpatch_tokens(r, j) = gone ? T(0) : d;
      dmasked(r, j) = gone ? d : T(0);
    });
  }
};

template <class Space, class T>
void MaskedEmbedding<Space, T>::forward(Space const& space, ConstMatrix<T, Space> patch_tokens,
                                        ConstMatrix<bool, Space> removed, ConstVector<T, Space> class_token,
                                        ConstVector<T, Space> mask_token, ConstMatrix<T, Space> positions,
                                        Tensor3<T, Space> tokens) {
  if (tokens.size() == 0) return;
  Kokkos::parallel_for(KRATE_LABEL("krate::embed_masked_tokens"), rows(space, tokens.extent(0) * tokens.extent(1)),
                       EmbedMasked<Space, T>{patch_tokens, removed, class_token, mask_token, positions, tokens});
}

template <class Space, class T>
std::size_t MaskedEmbedding<Space, T>::backward_bytes(std::size_t patch_tokens, std::size_t dim) {
  return measure<Space>([&](auto& work) { work.template take<T>(patch_tokens, dim); }) +
         column_sums_workspace<Space, T>(dim);
}

template <class Space, class T>
void MaskedEmbedding<Space, T>::backward(Space const& space, ConstTensor3<T, Space> dtokens,
                                         ConstMatrix<bool, Space> removed, Workspace<Space> work,
                                         Matrix<T, Space> dpatch_tokens, Vector<T, Space> dclass_token,
                                         Vector<T, Space> dmask_token) {
  if (dtokens.size() == 0) return;
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::embed_masked_tokens_backward"));
  std::size_t const batch = dtokens.extent(0), row = dtokens.extent(1) * dtokens.extent(2);
  auto const dmasked = work.template take<T>(dpatch_tokens.extent(0), dtokens.extent(2));
  if (dpatch_tokens.extent(0) > 0) {
    Kokkos::parallel_for(KRATE_LABEL("krate::embed_masked_tokens_backward::part"), rows(space, dpatch_tokens.extent(0)),
                         PartMasked<Space, T>{dtokens, removed, dpatch_tokens, dmasked});
  }
  column_sums(space, dmasked, work, dmask_token);
  ConstMatrix<T, Space> const samples(dtokens.data(), batch, row);
  auto const first = Kokkos::subview(samples, Kokkos::ALL, std::pair<std::size_t, std::size_t>(0, dtokens.extent(2)));
  column_sums(space, first, work, dclass_token);
}

}  // namespace krate::impl
