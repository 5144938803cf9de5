// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

namespace krate::tools {

/// @throws IoError from `where` for what is no directory, or one that holds anything
void require_new(std::string const& directory, char const* where);

}  // namespace krate::tools
