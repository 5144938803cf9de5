// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The next token of a text, drawn by the logits of a language model.
#pragma once

#include <cstddef>
#include <span>

namespace krate::tools {

struct SamplingOptions {
  double temperature = 1;  ///< divides the logits; 0: always the largest
  std::size_t top_k = 0;   ///< draws among so many of the largest; 0: among all
};

/// @param uniform  in [0, 1): decides. Equal logits are ordered by their position
std::size_t sample(std::span<double const> logits, SamplingOptions const& options, double uniform);

}  // namespace krate::tools
