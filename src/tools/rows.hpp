// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "krate/core/types.hpp"
#include "tools/space.hpp"

namespace krate::tools {

/// Samples as rows of numbers in host memory.
struct Rows {
  std::size_t columns = 0;
  std::vector<double> values{};

  std::size_t count() const { return columns ? values.size() / columns : 0; }
  std::span<double const> row(std::size_t i) const { return std::span(values).subspan(i * columns, columns); }
};

using DeviceMatrix = Kokkos::View<double**, Kokkos::LayoutRight, DeviceOf<Space>>;

DeviceMatrix on_device(Space const& space, Rows const& rows);
/// rows op(m), op(m) = m for "N" and its transpose for "T". @note allocates: yes; fences: yes
Rows product(Space const& space, Rows const& rows, char const* op, DeviceMatrix const& m);
double dot(std::span<double const> a, std::span<double const> b);

}  // namespace krate::tools
