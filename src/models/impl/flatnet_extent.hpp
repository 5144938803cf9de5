// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Part of flatnet_builder_def.hpp: means, lengths and distances of samples that are spread over ranks.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "krate/core/label.hpp"
#include "krate/linalg/gemm.hpp"
#include "krate/models/flatnet_builder.hpp"
#include "models/impl/flatnet_builder_kernels.hpp"
#include "models/impl/for_rows.hpp"
#include "models/impl/host_copies.hpp"

namespace krate::models {

/// Mean and largest distance to it.
template <class Space, class T>
void FlatnetBuilder<Space, T>::normalise(Space const& space, ConstMatrix<T, Space> const& z, std::vector<double>& mean,
                                         double& scale) const {
  std::size_t const rows = z.extent(0);
  Points const sum(Kokkos::view_alloc(space, "krate::models::FlatnetBuilder::mean"), 1, dim_);
  gemm(space, "N", "N", 1, ConstMatrix<T, Space>(ones_.data(), 1, rows), z, 0, sum);
  mean = copy_to_host(space, Vector<T, Space>(sum.data(), dim_));
  comm_.all_reduce(std::span<double>(mean));
  for (double& m : mean) m /= static_cast<double>(total_);
  copy_to_device<T>(space, mean, sum.data());
  for_rows(space, KRATE_LABEL("krate::models::flatnet::distance"), rows,
           SquaredDistance<Space, T>{z, Vector<T, Space>(sum.data(), dim_), squares_});
  scale = 0;
  for (double const s : copy_to_host(space, Vector<T, Space>(squares_))) scale = s <= scale ? scale : s;
  scale = std::sqrt(comm_.all_reduce(scale, comm::Reduction::max));
}

/// Of all ranks' numbers, one for each of their rows, the largest, and the first row that has it.
template <class Space, class T>
std::pair<double, std::size_t> FlatnetBuilder<Space, T>::largest_of(std::vector<double> const& mine) const {
  auto const at = std::max_element(mine.begin(), mine.end());
  double const here = at == mine.end() ? -std::numeric_limits<double>::infinity() : *at,
               largest = comm_.all_reduce(here, comm::Reduction::max);
  auto const row = here == largest && at != mine.end() ? static_cast<std::int64_t>(first_) + (at - mine.begin())
                                                       : std::numeric_limits<std::int64_t>::max();
  return {largest, static_cast<std::size_t>(comm_.all_reduce(row, comm::Reduction::min))};
}

/// Numbers of all ranks, and where this rank's begin.
inline std::pair<std::vector<double>, std::size_t> gathered(comm::Communicator const& comm,
                                                            std::vector<double> const& mine) {
  std::vector<std::int64_t> sizes(static_cast<std::size_t>(comm.size()));
  sizes[static_cast<std::size_t>(comm.rank())] = static_cast<std::int64_t>(mine.size());
  comm.all_reduce(std::span<std::int64_t>(sizes));
  std::vector<std::size_t> counts;
  std::size_t before = 0, total = 0;
  for (std::size_t r = 0; r < sizes.size(); ++r) {
    counts.push_back(static_cast<std::size_t>(sizes[r]) * sizeof(double));
    if (r < static_cast<std::size_t>(comm.rank())) before += static_cast<std::size_t>(sizes[r]);
    total += static_cast<std::size_t>(sizes[r]);
  }
  std::vector<double> all(total);
  comm.all_gather(std::as_bytes(std::span<double const>(mine)), std::as_writable_bytes(std::span<double>(all)), counts);
  return {std::move(all), before};
}

/// Squared distances of this rank's points to one.
template <class Space, class T>
std::vector<double> FlatnetBuilder<Space, T>::squares_from(Space const& space, std::vector<double> const& point) const {
  Points const from(Kokkos::view_alloc(space, "krate::models::FlatnetBuilder::from"), 1, dim_);
  copy_to_device<T>(space, point, from.data());
  for_rows(space, KRATE_LABEL("krate::models::flatnet::lengths"), z_.extent(0),
           SquaredDistance<Space, T>{z_, Vector<T, Space>(from.data(), dim_), squares_});
  return copy_to_host(space, Vector<T, Space>(squares_));
}

/// Of the outermost points alone: no other can be an end of a distance that is at least as large as one that is known.
template <class Space, class T>
double FlatnetBuilder<Space, T>::largest_distance(Space const& space) const {
  constexpr std::size_t block = 256;
  auto const lengths = squares_from(space, std::vector<double>(dim_));
  double known = 0, longest = 0;
  std::vector<double> far = lengths;
  for (int sweep = 0; sweep < 4; ++sweep) {  // from the point farthest from the mean to the one farthest from it, ...
    auto const [square, row_of_it] = largest_of(far);
    if (sweep == 0) longest = std::sqrt(square);
    if (sweep > 0 && std::sqrt(square) <= known) break;
    if (sweep > 0) known = std::sqrt(square);
    far = squares_from(space, row(space, row_of_it));
  }

  std::vector<double> mine;
  auto const z = copy_to_host(space, Vector<T, Space>(z_.data(), z_.size()));
  for (std::size_t i = 0; i < lengths.size(); ++i)
    if (std::sqrt(lengths[i]) + longest >= known * (1 - 1e-12))
      mine.insert(mine.end(), z.begin() + static_cast<std::ptrdiff_t>(i * dim_),
                  z.begin() + static_cast<std::ptrdiff_t>((i + 1) * dim_));
  auto const [all, before] = gathered(comm_, mine);
  std::size_t const outer = all.size() / dim_, own = mine.size() / dim_, first = before / dim_;
  Points const points(Kokkos::view_alloc(space, "krate::models::FlatnetBuilder::outer"), outer, dim_),
      products(Kokkos::view_alloc(space, "krate::models::FlatnetBuilder::products"), block, outer);
  Kokkos::View<T*, Kokkos::LayoutRight, DeviceOf<Space>> const squares(
      Kokkos::view_alloc(space, "krate::models::FlatnetBuilder::outer_squares"), outer),
      farthest(Kokkos::view_alloc(space, "krate::models::FlatnetBuilder::farthest"), own),
      origin(Kokkos::view_alloc(space, "krate::models::FlatnetBuilder::origin"), dim_);
  copy_to_device<T>(space, all, points.data());
  for_rows(space, KRATE_LABEL("krate::models::flatnet::outer_lengths"), outer,
           SquaredDistance<Space, T>{points, Vector<T, Space>(origin.data(), dim_), squares});
  for (std::size_t begin = 0; begin < own; begin += block) {
    std::size_t const count = std::min(block, own - begin);
    Matrix<T, Space> const some(products.data(), count, outer);
    gemm(space, "N", "T", 1, ConstMatrix<T, Space>(&points(first + begin, 0), count, dim_), points, 0, some);
    for_rows(space, KRATE_LABEL("krate::models::flatnet::farthest"), count,
             FarthestPoint<Space, T>{some, ConstVector<T, Space>(squares.data() + first + begin, count), squares,
                                     Vector<T, Space>(farthest.data() + begin, count)});
  }
  double most = 0;
  for (double const s : copy_to_host(space, Vector<T, Space>(farthest))) most = std::max(most, s);
  return std::sqrt(comm_.all_reduce(most, comm::Reduction::max));
}

}  // namespace krate::models
