// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "perf/cases/roof.hpp"
#include "tools/machine.hpp"

template double krate::perf::product_peak<float>(krate::tools::Space const&);
template double krate::perf::product_peak<double>(krate::tools::Space const&);
template double krate::perf::triad_peak(krate::tools::Space const&);

namespace krate::tools {

Peaks measure_peaks(Space const& space) {
  return {1e-9 * perf::product_peak<float>(space), 1e-9 * perf::product_peak<double>(space),
          1e-9 * perf::triad_peak(space)};
}

}  // namespace krate::tools
