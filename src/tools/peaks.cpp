// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "perf/cases/roof.hpp"
#include "tools/machine.hpp"

namespace krate::tools {

Peaks measure_peaks(Space const& space) {
  return {1e-9 * perf::product_peak<float>(space), 1e-9 * perf::product_peak<double>(space),
          1e-9 * perf::triad_peak(space)};
}

}  // namespace krate::tools
