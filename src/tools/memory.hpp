// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>

namespace krate::tools {

/// Resident memory of this process now, and its highest since the start or the last reset; 0 where the system does not
/// say.
std::size_t resident_bytes();
std::size_t peak_resident_bytes();
/// Starts the peak anew at the present value.
void reset_peak_resident();

}  // namespace krate::tools
