// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/analysis/class_geometry.hpp"

#include <algorithm>

namespace krate::analysis {

double largest_cross_cosine(std::vector<double> const& cosines, std::vector<std::int64_t> const& class_sizes) {
  std::vector<std::size_t> class_of;
  for (std::size_t k = 0; k < class_sizes.size(); ++k)
    class_of.insert(class_of.end(), static_cast<std::size_t>(class_sizes[k]), k);
  std::size_t const m = class_of.size();
  if (cosines.size() != m * m) {
    throw ShapeError("krate::analysis::largest_cross_cosine",
                     std::to_string(cosines.size()) + " cosines, expected " + std::to_string(m * m) +
                         " (one each two rows of the classes); pass what absolute_cosines() returned");
  }
  double largest = 0;
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < m; ++j)
      if (class_of[i] != class_of[j]) largest = std::max(largest, cosines[i * m + j]);
  return largest;
}

}  // namespace krate::analysis
