// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/core/types.hpp"
#include "krate/nn/initialize.hpp"

namespace krate::perf {

/// Reproducible inputs: normal numbers. @param stream  one value for each array of a case
template <class Space, class V>
void fill_normal(Space const& space, V const& v, double deviation, std::uint32_t stream) {
  initialize_normal(space, v, deviation, Seed{1}, stream);
}

template <class Space>
struct RoundRobin {
  Vector<Label, Space> labels;
  Label classes;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const { labels(i) = static_cast<Label>(i % classes); }
};

/// Labels 0, 1, ..., classes - 1, 0, 1, ...
template <class Space>
void fill_labels(Space const& space, Vector<Label, Space> const& labels, std::size_t classes) {
  Kokkos::parallel_for(KRATE_LABEL("krate::perf::labels"), impl::elements(space, labels.extent(0)),
                       RoundRobin<Space>{labels, static_cast<Label>(classes)});
}

}  // namespace krate::perf
