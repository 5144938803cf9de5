// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/models/block_kinds.hpp"

#include "krate/core/error.hpp"

namespace krate::models {

char const* name(AttentionKind kind) {
  return kind == AttentionKind::mssa ? "mssa" : "mhsa";
}
char const* name(FeedForwardKind kind) {
  return kind == FeedForwardKind::ista ? "ista" : "mlp";
}

AttentionKind parse_attention(std::string const& given) {
  for (auto const kind : {AttentionKind::mssa, AttentionKind::mhsa})
    if (given == name(kind)) return kind;
  throw ValueError("krate::models::parse_attention", "attention = " + given + ", but it must be mssa or mhsa");
}
FeedForwardKind parse_feed_forward(std::string const& given) {
  for (auto const kind : {FeedForwardKind::ista, FeedForwardKind::mlp})
    if (given == name(kind)) return kind;
  throw ValueError("krate::models::parse_feed_forward", "feed_forward = " + given + ", but it must be ista or mlp");
}

}  // namespace krate::models
