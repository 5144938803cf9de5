// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>
#include <vector>

namespace krate::source {

struct Finding {
  std::size_t line;
  std::string what;
};

/// All that is wrong with a source file. Where a rule holds depends on the path, as seen from the top of the checkout:
/// "src/linalg/impl/gemm_def.hpp". Each finding says what to do instead.
std::vector<Finding> findings(std::string const& path, std::string const& text);

}  // namespace krate::source
