// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

namespace krate::models {

/// What a pass keeps for a backward pass: nothing; all that it needs; or the tokens between the blocks alone, and then
/// the backward pass does the attention of each block anew, to the same bits, for a quarter of the memory.
enum class Pass { inference, training, recompute };

}  // namespace krate::models
