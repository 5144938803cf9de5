// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "krate/io/sample_table.hpp"

namespace krate::testing {

/// Rows of `length` tokens of a text that counts up by steps of 3, the last `tests` of them split 1.
inline io::SampleTable counting_text(std::size_t rows, std::size_t length, std::size_t tests = 0, Label classes = 17) {
  std::vector<std::int32_t> tokens;
  std::vector<Label> labels;
  for (std::size_t i = 0; i < rows * length; ++i) {
    tokens.push_back(static_cast<std::int32_t>(3 * i % static_cast<std::size_t>(classes)));
    labels.push_back(static_cast<Label>(3 * (i + 1) % static_cast<std::size_t>(classes)));
  }
  io::DatasetDescription about;
  about.origin = "counting text";
  about.kind = io::SampleKind::tokens;
  about.samples = rows;
  about.sample_shape = about.label_shape = {length};
  about.has_labels = true;
  about.classes = classes;
  if (tests > 0) {
    about.split.assign(rows, 0);
    std::fill(about.split.end() - static_cast<std::ptrdiff_t>(tests), about.split.end(), std::uint8_t(1));
  }
  return {about, tokens, labels};
}

}  // namespace krate::testing
