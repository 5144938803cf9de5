// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <span>

#include "krate/io/dataset.hpp"
#include "tools/context.hpp"
#include "tools/rows.hpp"

namespace krate::tools {

inline Rows rows_of(io::SampleTable const& table, std::span<std::size_t const> chosen) {
  Rows rows{table.description().sample_size(), {}};
  rows.values.resize(chosen.size() * rows.columns);
  for (std::size_t i = 0; i < chosen.size(); ++i) table.get(chosen[i], rows.values.data() + i * rows.columns);
  return rows;
}

/// This rank's part of a choice of rows.
inline Rows my_rows(comm::Communicator const& comm, io::SampleTable const& table,
                    std::vector<std::size_t> const& chosen) {
  auto const share = comm::share_of(chosen.size(), comm.rank(), comm.size());
  return rows_of(table, std::span(chosen).subspan(share.begin, share.count));
}

inline double squared_distance(Rows const& a, Rows const& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.values.size(); ++i) sum += (a.values[i] - b.values[i]) * (a.values[i] - b.values[i]);
  return sum;
}

}  // namespace krate::tools
