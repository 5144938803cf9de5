// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "support/reference_file.hpp"

namespace krate::testing {

std::string reference_file(std::string const& name) {
  return std::string(KRATE_TEST_DATA) + "/" + name;
}

}  // namespace krate::testing
