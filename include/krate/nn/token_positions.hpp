// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/core/require.hpp"
#include "krate/core/types.hpp"

namespace krate {

namespace impl {
template <class Space>
struct CountUp {
  Label first;
  Matrix<Label, Space> positions;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const {
    auto const tokens = static_cast<std::int64_t>(positions.extent(1));
    positions(i / tokens, i % tokens) = first + static_cast<Label>(i % tokens);
  }
};

/// One work item a sample.
template <class Space>
struct CountRealTokens {
  ConstMatrix<Label, Space> tokens;
  Label padding;
  Matrix<Label, Space> positions;
  Matrix<bool, Space> keys;
  KOKKOS_FUNCTION void operator()(std::int64_t b) const {
    Label seen = 0;
    for (std::size_t t = 0; t < tokens.extent(1); ++t) {
      bool const real = tokens(b, t) != padding;
      keys(b, t) = real;
      positions(b, t) = real ? padding + ++seen : padding;
    }
  }
};
}  // namespace impl

/// Ids of all tokens in one row, as look_up() takes them; zero copy.
template <class Space>
ConstVector<Label, Space> flat_ids(ConstMatrix<Label, Space> const& ids) {
  return ConstVector<Label, Space>(ids.data(), ids.size());
}

/// Rows of a position table for consecutive tokens: positions[b, t] = first + t.
/// @param positions  [batch, tokens] of Label, written
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space>
void number_tokens(Space const& space, Label first, Matrix<Label, Space> const& positions) {
  Kokkos::parallel_for(KRATE_LABEL("krate::number_tokens"), impl::elements(space, positions.size()),
                       impl::CountUp<Space>{first, positions});
}

/// The same where samples are filled up with padding: the r-th real token, counted from 1, has the position
/// padding + r, a padding token has `padding`; and which tokens are real, as AttentionMask takes it.
/// Source: Liu et al. 2019 (RoBERTa), whose positions CRATE-BERT keeps.
/// @param tokens  [batch, tokens]     @param padding  the id of padding tokens
/// @param positions,keys  [batch, tokens], written
/// @throws ShapeError if extents disagree
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space>
void number_real_tokens(Space const& space, ConstMatrix<Label, Space> const& tokens, Label padding,
                        Matrix<Label, Space> const& positions, Matrix<bool, Space> const& keys) {
  constexpr char const* where = "krate::number_real_tokens";
  require_shape(where, "positions", positions, {tokens.extent(0), tokens.extent(1)}, "same shape as tokens");
  require_shape(where, "keys", keys, {tokens.extent(0), tokens.extent(1)}, "same shape as tokens");
  Kokkos::parallel_for(KRATE_LABEL("krate::number_real_tokens"), impl::elements(space, tokens.extent(0)),
                       impl::CountRealTokens<Space>{tokens, padding, positions, keys});
}

}  // namespace krate
