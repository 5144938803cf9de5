// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where the command's work runs: Kokkos' default space, or the best host space that this build of krate holds.
#pragma once

#include <type_traits>

#include "krate/config.hpp"

namespace krate::tools {

using Space = std::conditional_t<is_instantiated<Kokkos::DefaultExecutionSpace, float>, Kokkos::DefaultExecutionSpace,
                                 std::conditional_t<is_instantiated<Kokkos::DefaultHostExecutionSpace, float>,
                                                    Kokkos::DefaultHostExecutionSpace, Kokkos::Serial>>;

}  // namespace krate::tools
