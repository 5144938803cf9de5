// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Part of flatnet_builder_def.hpp: the dimension of all samples.
#pragma once

#include "krate/linalg/gemm.hpp"
#include "krate/linalg/symmetric_eigen.hpp"
#include "models/impl/flatnet_extent.hpp"
#include "models/impl/for_rows.hpp"

namespace krate::models {

/// Columns, largest variance first.
template <class Space, class T>
HostMatrix FlatnetBuilder<Space, T>::principal_directions(Space const& space) const {
  std::size_t const bytes = measure<Space>([&](Workspace<Space>& work) {
                              work.template take<T>(dim_, dim_);
                              work.template take<T>(dim_, dim_);
                              work.template take<T>(dim_);
                            }) +
                            symmetric_eigen_workspace<T>(1, dim_, true);
  Arena<Space> const arena(space, bytes, "krate::models::FlatnetBuilder::covariance");
  auto work = arena.workspace();
  auto const covariance = work.template take<T>(dim_, dim_), vectors = work.template take<T>(dim_, dim_);
  auto const values = work.template take<T>(dim_);
  gemm(space, "T", "N", 1, z_, z_, 0, covariance);
  auto host = copy_to_host(space, Vector<T, Space>(covariance.data(), dim_ * dim_));
  comm_.all_reduce(std::span<double>(host));
  copy_to_device<T>(space, host, covariance.data());
  symmetric_eigen(space, covariance, work, values, vectors);
  copy_to_host<T>(space, vectors.data(), std::span<T>(host));
  HostMatrix directions(dim_, dim_);
  for (std::size_t j = 0; j < dim_; ++j)
    for (std::size_t a = 0; a < dim_; ++a) directions(j, a) = host[(dim_ - 1 - a) * dim_ + j];
  comm_.broadcast(std::as_writable_bytes(std::span<double>(directions.values)));
  return directions;
}

/// At most so many points of all ranks, spread evenly: this rank's.
template <class Space, class T>
typename FlatnetBuilder<Space, T>::Points FlatnetBuilder<Space, T>::some_points(Space const& space,
                                                                                std::size_t count) const {
  if (total_ <= count) return z_;
  std::vector<std::int64_t> chosen;
  for (std::size_t k = 0; k < count; ++k) {
    std::size_t const row = k * total_ / count;
    if (row >= first_ && row < first_ + z_.extent(0)) chosen.push_back(static_cast<std::int64_t>(row - first_));
  }
  Points const some(Kokkos::view_alloc(space, Kokkos::WithoutInitializing, "krate::models::FlatnetBuilder::some"),
                    chosen.size(), dim_);
  Kokkos::View<std::int64_t*, Kokkos::LayoutRight, DeviceOf<Space>> const rows(
      Kokkos::view_alloc(space, "krate::models::FlatnetBuilder::chosen"), chosen.size());
  copy_to_device<std::int64_t>(space, chosen, rows.data());
  for_rows(space, KRATE_LABEL("krate::models::flatnet::choose"), chosen.size(), ChosenRows<Space, T>{z_, rows, some});
  space.fence("krate::models::FlatnetBuilder: the rows are copied");
  return some;
}

template <class Space, class T>
std::size_t FlatnetBuilder<Space, T>::find_dimension(Space const& space) {
  constexpr std::size_t steps = 30, most = 1000;
  auto const directions = principal_directions(space);
  auto nearness = squares_from(space, std::vector<double>(dim_));
  for (double& x : nearness) x = -x;
  auto const middle = largest_of(nearness).second;
  auto const points = some_points(space, most);
  fit_.set_neighbourhood(space, comm_, points, row(space, middle),
                         0.5 * (options_.smallest_radius + options_.largest_radius) * diameter_);
  double const spread = fit_.spread();
  double before = spread, best = 0;
  std::size_t found = 1;
  auto const end = [&] { return best > 3 ? found + 5 : 2 * found + 20; };
  for (std::size_t d = 1; d < dim_ && d < end() && 3 * pairs_of(d) <= std::min(total_, most); ++d) {
    HostMatrix frame(dim_, d);
    for (std::size_t j = 0; j < dim_; ++j)
      for (std::size_t a = 0; a < d; ++a) frame(j, a) = directions(j, a);
    double const loss = fit_.fit(space, comm_, frame, {.iterations = steps, .cutoff = 1e-7}).loss;
    if (loss <= 1e-12 * spread || (loss <= 0.02 * spread && loss <= 0.4 * before)) return d;
    if (before / loss > best) {
      best = before / loss;
      found = d;
    }
    before = loss;
  }
  return found;
}

}  // namespace krate::models
