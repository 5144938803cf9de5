// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// clang 14 on GCC's library has no std::source_location, which krate's errors name; included before all else.
#pragma once

#include <version>
#ifndef __cpp_lib_source_location
namespace std {  // NOLINT(cert-dcl58-cpp)
struct source_location {
  static constexpr source_location current() noexcept { return {}; }
};
}  // namespace std
#endif
