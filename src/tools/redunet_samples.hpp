// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <span>
#include <vector>

#include "krate/comm/communicator.hpp"
#include "krate/io/dataset.hpp"
#include "tools/space.hpp"

namespace krate::tools {

/// Samples as rows of numbers in device memory, with their labels where the dataset has them.
template <class T>
struct RedunetRows {
  Kokkos::View<T**, Kokkos::LayoutRight, DeviceOf<Space>> z;
  Kokkos::View<Label*, Kokkos::LayoutRight, DeviceOf<Space>> labels;

  /// @param rows  of the table, which must be one of features
  RedunetRows(Space const& space, io::SampleTable const& table, std::span<std::size_t const> rows)
      : z(Kokkos::view_alloc(space, "krate::tools::redunet::samples"), rows.size(), table.description().sample_size()),
        labels(Kokkos::view_alloc(space, "krate::tools::redunet::labels"), rows.size()) {
    auto const host_z = Kokkos::create_mirror_view(Kokkos::WithoutInitializing, z);
    auto const host_labels = Kokkos::create_mirror_view(Kokkos::WithoutInitializing, labels);
    space.fence("krate::tools::redunet: memory is ready");
    for (std::size_t i = 0; i < rows.size(); ++i) {
      table.get(rows[i], host_z.data() + i * z.extent(1));
      host_labels(i) = table.description().has_labels ? table.label(rows[i]) : 0;
    }
    Kokkos::deep_copy(space, z, host_z);
    Kokkos::deep_copy(space, labels, host_labels);
    space.fence("krate::tools::redunet: samples are copied");
  }
};

/// This rank's part of a choice of rows.
inline std::span<std::size_t const> mine(comm::Communicator const& comm, std::vector<std::size_t> const& rows) {
  auto const share = comm::share_of(rows.size(), comm.rank(), comm.size());
  return std::span(rows).subspan(share.begin, share.count);
}

inline io::Dataset open_as_rows(std::string const& path, comm::Communicator const& comm) {
  return io::Dataset::open(path, comm, {.as_features = true});
}

}  // namespace krate::tools
