// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

namespace krate {

/// What the large products of a layer do with their operands: take them as they are, or round them to bfloat16 on the
/// way in. Sums, parameters, and everything between the products keep the scalar either way.
enum class Products { full, bfloat16 };

}  // namespace krate
