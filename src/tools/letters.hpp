// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <string>

namespace krate::tools {

inline constexpr int letter_width = 5, letter_height = 8;

/// Whether a letter has a dot at (column, row), as on the displays of old instruments; what has no shape here is blank.
bool has_dot(char letter, int column, int row);

}  // namespace krate::tools
