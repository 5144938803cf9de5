// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/augmentation.hpp"

#include <sstream>

#include "krate/core/error.hpp"

namespace krate::tools {

Augmentation parse_augmentation(std::string const& words) {
  Augmentation found;
  if (words == "none") return found;
  if (words == "windows") return {.windows = true};
  auto const refuse = [&](std::string const& word) {
    throw ValueError("krate::options",
                     "--augment = " + words + ", where " +
                         (word.empty() ? "a word is missing" : word + " stands for nothing or stands there twice") +
                         "; give none, windows, or some of crop, flip and one of shift1 and shift2, joined by +");
  };
  std::istringstream text(words + "+");  // so that an empty last word is seen
  for (std::string word; std::getline(text, word, '+');) {
    if (word == "flip" && !found.flip) {
      found.flip = true;
    } else if (word == "crop" && !found.crop) {
      found.crop = true;
    } else if ((word == "shift1" || word == "shift2") && found.shift == 0) {
      found.shift = word.back() - '0';
    } else {
      refuse(word);
    }
  }
  return found;
}

}  // namespace krate::tools
