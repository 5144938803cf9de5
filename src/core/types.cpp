// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/core/types.hpp"

#include "krate/core/error.hpp"

namespace krate::impl {

void throw_gaps(unsigned rank) {
  throw ShapeError("krate", "a View of rank " + std::to_string(rank) +
                                " has gaps between its elements (kernels read it as one stretch of memory); copy it "
                                "into a View of its own with Kokkos::deep_copy");
}

}  // namespace krate::impl
