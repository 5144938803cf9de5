// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where tests/data is. A function, not a macro on every command line: the compiler cache then serves another checkout,
// too.
#pragma once

#include <string>

namespace krate::testing {

/// Path of tests/data/NAME.
std::string reference_file(std::string const& name);

}  // namespace krate::testing
