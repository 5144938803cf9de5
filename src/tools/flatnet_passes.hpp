// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/arena.hpp"
#include "krate/models/flatnet.hpp"
#include "tools/flatnet_samples.hpp"

namespace krate::tools {

/// Rows through a model, or back. @note allocates: yes; fences: yes
template <class Pass>
Rows passed(Space const& space, models::Flatnet<Space> const& model, Rows const& rows, Pass const& pass) {
  if (rows.count() == 0) return rows;
  auto const z = on_device(space, rows);
  Arena<Space> const arena(space, model.workspace(rows.count()), "krate::tools::flatnet");
  pass(Matrix<double, Space>(z), arena.workspace());
  Rows out = rows;
  Kokkos::View<double**, Kokkos::LayoutRight, Kokkos::HostSpace, impl::Unmanaged> const host(
      out.values.data(), rows.count(), rows.columns);
  Kokkos::deep_copy(space, host, z);
  space.fence("krate::tools::flatnet: rows are read");
  return out;
}

inline Rows encoded(Space const& space, models::Flatnet<Space> const& model, Rows const& rows) {
  return passed(space, model, rows, [&](auto const& z, auto const& work) { model.encode(space, z, work); });
}
inline Rows decoded(Space const& space, models::Flatnet<Space> const& model, Rows const& rows) {
  return passed(space, model, rows, [&](auto const& z, auto const& work) { model.decode(space, z, work); });
}

}  // namespace krate::tools
