// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>

namespace krate::models {

/// The sparse half of a block: one step of ISTA with a square dictionary, whose code is the block's output; or, with
/// more atoms than features, two steps from zero, whose code is decoded. Source: Yang et al. 2024 (CRATE-alpha).
struct SparseCoding {
  std::size_t expansion = 0;  ///< atoms a feature; 0: the square dictionary
  bool own_decoder = true;    ///< a dictionary of its own decodes, not the coder's
  bool residual = true;       ///< the decoded code is added to the tokens before the norm
  bool transposed = false;    ///< the list holds the dictionary as [codes, dim]

  bool overcomplete() const { return expansion > 0; }
};

}  // namespace krate::models
