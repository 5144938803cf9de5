// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"

namespace krate::models {

/// A thread a row; of few rows on a host, none of which is worth waking threads for, the calling thread takes all.
template <class Space, class Work>
void for_rows(Space const& space, std::string const& label, std::size_t rows, Work const& work) {
  if constexpr (!krate::impl::is_device<Space>) {
    if (rows <= 128) {
      for (std::size_t i = 0; i < rows; ++i) work(i);
      return;
    }
  }
  Kokkos::parallel_for(label, Kokkos::RangePolicy<Space>(space, 0, rows), work);
}

}  // namespace krate::models
