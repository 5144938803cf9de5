// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/require.hpp"
#include "krate/core/types.hpp"

namespace krate {

/// Which keys the query of a token sees: all of its sample, or those up to its own token.
enum class Mask { none, causal };

/// What attention leaves out.
template <class Space>
struct AttentionMask {
  Mask mask = Mask::none;
  /// [batch, tokens]: false where a token is padding and no query sees its key; its own query counts like any other.
  /// Extents [0, 0]: no padding.
  ConstMatrix<bool, Space> keys = {};
};

namespace impl {
template <class Space>
void check_mask(char const* where, AttentionMask<Space> const& mask, std::size_t batch, std::size_t tokens) {
  if (mask.keys.size() == 0) return;
  require_shape(where, "mask.keys", mask.keys, {batch, tokens}, "[batch, tokens], or [0, 0] for no padding");
}
}  // namespace impl

}  // namespace krate
