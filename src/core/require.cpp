// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/core/require.hpp"

#include <vector>

namespace krate::impl {

void throw_shape(char const* where, char const* name, std::size_t const* found,
                 std::initializer_list<std::size_t> expected, char const* why, std::source_location const& location) {
  std::vector<std::size_t> const shape(found, found + expected.size());
  throw ShapeError(
      where,
      std::string(name) + " has shape " + shape_text(shape) + ", expected " + shape_text(expected) + " (" + why + ")",
      location);
}

}  // namespace krate::impl
