// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <functional>
#include <string_view>

namespace krate {

/// Receives each line of progress. The default, empty, is silence: the library itself never prints.
using Logger = std::function<void(std::string_view line)>;

}  // namespace krate
