// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "krate/io/hdf5.hpp"
#include "krate/rate/class_moments.hpp"

namespace krate::io {

/// Moments of classes as a file has them. Each rank holds its share of the classes, comm::share_of(classes, …).
///
///     /class_moments [classes, dim (dim + 1) / 2]   rows of the lower triangle of Z_k^T Z_k; attribute `dim`
///     /class_counts  [classes]                      samples a class
struct MomentsTable {
  std::size_t dim = 0, classes = 0;
  std::vector<std::int64_t> counts{};  ///< of this rank's classes
  std::vector<double> lower{};         ///< one class after the other
};

/// Collective: makes the file in one step.
/// @throws IoError; NumericalError, ValueError for what read_moments_table() would refuse
void write_moments_table(std::string const& path, comm::Communicator const& comm, MomentsTable const& table);
/// Collective. @throws IoError for a file that is no such table: NaN, negative counts and squares, other shapes
MomentsTable read_moments_table(std::string const& path, comm::Communicator const& comm);

/// Collective: writes the sums over all ranks of `moments`; the file does not tell how many ranks there were.
/// @throws ValueError if a label was out of range; NumericalError if a moment is not finite; IoError
template <class Space>
void write_moments(Space const& space, ClassMoments<Space>& moments, std::string const& path) {
  auto const& comm = moments.comm();
  MomentsTable table{.dim = moments.dim(), .classes = moments.classes()};
  auto const share = comm::share_of(table.classes, comm.rank(), comm.size());
  auto const counts = moments.counts(space);
  auto const first = counts.begin() + static_cast<std::ptrdiff_t>(share.begin);
  table.counts.assign(first, first + static_cast<std::ptrdiff_t>(share.count));
  moments.for_each_moment(space, [&](std::size_t k, std::span<double const> lower) {
    if (k >= share.begin && k < share.begin + share.count)
      table.lower.insert(table.lower.end(), lower.begin(), lower.end());
  });
  write_moments_table(path, comm, table);
}

/// Collective: an object that goes on from the file, with any number of ranks. Merge it to add what it has seen.
/// @throws as read_moments_table()
template <class Space>
ClassMoments<Space> read_moments(Space const& space, std::string const& path, comm::Communicator const& comm = {}) {
  MomentsTable const table = read_moments_table(path, comm);
  ClassMoments<Space> moments(space, comm, {.dim = table.dim, .classes = table.classes});
  std::size_t const begin = comm::share_of(table.classes, comm.rank(), comm.size()).begin;
  std::size_t const size = table.dim * (table.dim + 1) / 2;
  for (std::size_t k = 0; k < table.counts.size(); ++k)
    moments.add_moment(space, begin + k, table.counts[k], std::span(table.lower).subspan(k * size, size));
  return moments;
}

}  // namespace krate::io
