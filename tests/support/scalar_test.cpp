// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "support/scalar_test.hpp"

#include <string>

namespace krate::testing {

bool add_test(char const* suite, char const* space, char const* scalar, char const* name, char const* file, int line,
              ::testing::Test* (*make)()) {
  ::testing::RegisterTest((std::string(suite) + "/" + space + "_" + scalar).c_str(), name, nullptr, nullptr, file, line,
                          [make] { return make(); });
  return true;
}

}  // namespace krate::testing
