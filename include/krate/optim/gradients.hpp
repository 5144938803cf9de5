// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

namespace krate::optim {

/// What an update leaves of the gradients.
enum class Gradients { keep, zero };

}  // namespace krate::optim
