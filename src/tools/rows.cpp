// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rows.hpp"

#include <numeric>

#include "krate/core/label.hpp"
#include "krate/linalg/gemm.hpp"

namespace krate::tools {

DeviceMatrix on_device(Space const& space, Rows const& rows) {
  Kokkos::View<double const**, Kokkos::LayoutRight, Kokkos::HostSpace, impl::Unmanaged> const host(
      rows.values.data(), rows.count(), rows.columns);
  DeviceMatrix const copy(Kokkos::view_alloc(space, Kokkos::WithoutInitializing, "krate::tools::rows"), rows.count(),
                          rows.columns);
  Kokkos::deep_copy(space, copy, host);
  return copy;
}

Rows product(Space const& space, Rows const& rows, char const* op, DeviceMatrix const& m) {
  DeviceMatrix const result(Kokkos::view_alloc(space, Kokkos::WithoutInitializing, "krate::tools::rows"), rows.count(),
                            m.extent(*op == 'N' ? 1 : 0));
  gemm(space, "N", op, 1.0, on_device(space, rows), m, 0.0, result);
  Rows read{result.extent(1), std::vector<double>(result.size())};
  Kokkos::deep_copy(space,
                    Kokkos::View<double**, Kokkos::LayoutRight, Kokkos::HostSpace, impl::Unmanaged>(
                        read.values.data(), result.extent(0), result.extent(1)),
                    result);
  space.fence(KRATE_LABEL("krate::tools::rows: a product is read"));
  return read;
}

double dot(std::span<double const> a, std::span<double const> b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

}  // namespace krate::tools
