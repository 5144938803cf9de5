// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

namespace krate::models {

/// How a block mixes tokens: subspace attention, or ordinary attention with queries, keys and values of their own.
enum class AttentionKind { mssa, mhsa };
/// What a block does with each token: sparse coding, or a perceptron of two layers with GELU.
enum class FeedForwardKind { ista, mlp };

/// "mssa", "mhsa"; "ista", "mlp"
char const* name(AttentionKind kind);
char const* name(FeedForwardKind kind);
/// @throws ValueError for another name
AttentionKind parse_attention(std::string const& name);
FeedForwardKind parse_feed_forward(std::string const& name);

}  // namespace krate::models
