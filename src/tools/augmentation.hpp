// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

namespace krate::tools {

/// How training samples are changed at random: of images all but the last, of texts that alone.
struct Augmentation {
  int shift = 0;
  bool flip = false, crop = false, windows = false;
};

/// "none", "windows", or shift1 or shift2, flip and crop joined by +. @throws ValueError for anything else
Augmentation parse_augmentation(std::string const& words);

}  // namespace krate::tools
