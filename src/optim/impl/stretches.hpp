// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The parameters of a list in stretches that one sweep can update.
#pragma once

#include <algorithm>
#include <span>

#include "krate/core/parameters.hpp"

namespace krate::impl {

/// Calls use(segment, rate) for each segment of a list, cut where the factor of the learning rate changes.
/// @param rates  one a parameter; empty: 1 for all
template <class Space, class T, class Use>
void for_each_stretch(ParameterList<Space, T> const& list, std::span<double const> rates, Use const& use) {
  auto const entries = list.entries();
  std::size_t e = 0;
  for (auto const& segment : list.segments()) {
    if (rates.empty()) {
      use(segment, 1.0);
      continue;
    }
    std::size_t const end = segment.offset + segment.value.extent(0);
    while (e < entries.size() && entries[e].offset < end) {
      std::size_t const first = e;
      while (e < entries.size() && entries[e].offset < end && rates[e] == rates[first]) ++e;
      std::size_t const begin = entries[first].offset - segment.offset,
                        count = std::min(e < entries.size() ? entries[e].offset : end, end) - entries[first].offset;
      use(typename ParameterList<Space, T>::Segment{Vector<T, Space>(segment.value.data() + begin, count),
                                                    Vector<T, Space>(segment.gradient.data() + begin, count),
                                                    entries[first].offset, segment.decay},
          rates[first]);
    }
  }
}

}  // namespace krate::impl
