// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>

#include "krate/linalg/gemm.hpp"
#include "models/impl/for_rows.hpp"
#include "models/impl/tangent_chunks.hpp"
#include "models/impl/tangent_products.hpp"

namespace krate::models {

/// Hosts have points by blocks, too.
template <class Space>
inline constexpr bool in_blocks = !krate::impl::is_device<Space>;

template <class Space, class T>
void TangentFit<Space, T>::set_neighbourhood(Space const& space, comm::Communicator const& comm,
                                             ConstMatrix<T, Space> const& z, std::span<double const> centre,
                                             double radius) {
  rows_ = z.extent(0);
  dim_ = z.extent(1);
  gamma_ = std::log(2.0) / (radius * radius);
  std::size_t const wide = TangentAlgebra::padded(dim_), blocks = TangentBlocks::count(rows_),
                    all_rows = blocks * TangentBlocks::points;
  Vector<T, Space> where, all, sum;
  Vector<std::int64_t, Space> order;
  Matrix<T, Space> weighted, moments;
  auto const cut = [&](Workspace<Space>& work) {
    offsets_ = work.template take<T>(all_rows, wide);
    columns_ = work.template take<T>(in_blocks<Space> ? all_rows : 0, wide);
    kernel_ = work.template take<T>(rows_);
    squares_ = work.template take<T>(all_rows);
    weighted = work.template take<T>(rows_, wide);
    moments = work.template take<T>(dim_, wide);
    all = work.template take<T>(rows_);
    where = work.template take<T>(dim_);
    sum = work.template take<T>(dim_);
    order = work.template take<std::int64_t>(rows_);
  };
  std::size_t const bytes = measure<Space>(cut);
  if (bytes > points_.bytes()) points_ = Arena<Space>(space, bytes, "krate::models::TangentFit::points");
  auto work = points_.workspace();
  cut(work);

  copy_to_device<T>(space, centre, where.data());
  for_rows(space, KRATE_LABEL("krate::models::tangent_fit::weights"), rows_,
           KernelOfDistance<Space, T>{z, where, all, gamma_});
  gemm(space, "N", "N", 1, ConstMatrix<T, Space>(all.data(), 1, rows_), z, 0, Matrix<T, Space>(sum.data(), 1, dim_));
  auto host = copy_to_host(space, all);
  std::vector<double> sums = copy_to_host(space, sum);
  double weight = 0;
  for (double const w : host) weight += w;
  sums.push_back(weight);
  comm.all_reduce(std::span<double>(sums));
  mean_.resize(dim_);
  for (std::size_t j = 0; j < dim_; ++j) mean_[j] = sums[j] / sums[dim_];

  copy_to_device<T>(space, mean_, sum.data());
  for_rows(space, KRATE_LABEL("krate::models::tangent_fit::kernel"), rows_,
           KernelOfDistance<Space, T>{z, sum, all, gamma_});
  copy_to_host<T>(space, all.data(), std::span<T>(host));
  std::vector<std::int64_t> indices(rows_);
  for (std::size_t i = 0; i < rows_; ++i) indices[i] = static_cast<std::int64_t>(i);
  active_ = static_cast<std::size_t>(
      std::stable_partition(indices.begin(), indices.end(), [&](std::int64_t i) { return host[i] > 1e-6; }) -
      indices.begin());
  copy_to_device<std::int64_t>(space, indices, order.data());
  for_rows(space, KRATE_LABEL("krate::models::tangent_fit::gather"), all_rows,
           GatherOffsets<Space, T>{z, where, all, order, active_, offsets_, weighted, kernel_, squares_});
  if constexpr (in_blocks<Space>) {
    for_rows(space, KRATE_LABEL("krate::models::tangent_fit::columns"), blocks,
             ColumnsOfBlocks<Space>{offsets_, columns_});
  }
  Matrix<T, Space> const active(weighted.data(), active_, wide);
  gemm(space, "T", "N", 1, Kokkos::subview(active, Kokkos::ALL, std::pair<std::size_t, std::size_t>(0, dim_)), active,
       0, moments);
  moments_ = HostMatrix(dim_, wide);
  copy_to_host<T>(space, moments.data(), std::span<T>(moments_.values));
  comm.all_reduce(std::span<double>(moments_.values));
  double counts[2] = {static_cast<double>(rows_), static_cast<double>(active_)};
  comm.all_reduce(std::span<double>(counts));
  total_ = counts[0];
  total_active_ = counts[1];
}

/// Temporaries of a fit.
template <class Space, class T>
template <class Cut>
void TangentFit<Space, T>::cut(Space const& space, Cut const& take) {
  std::size_t const bytes = measure<Space>(take);
  if (bytes > arena_.bytes()) {
    space.fence("krate::models::TangentFit: the smaller arena is free");
    arena_ = Arena<Space>(space, bytes, "krate::models::TangentFit");
  }
  auto work = arena_.workspace();
  take(work);
}

template <class Space, class T>
QuadraticForm TangentFit<Space, T>::fit(Space const& space, comm::Communicator const& comm, HostMatrix const& frame,
                                        TangentFitOptions const& options) {
  std::size_t const d = frame.columns;
  require_value(d > 0 && d <= dim_ && frame.rows == dim_, "krate::models::TangentFit::fit", "columns of the frame", d,
                "must be from 1 to the dimension of the points");
  double const factor = 1 / (total_active_ * static_cast<double>(dim_));
  TangentAlgebra algebra(polar_factor(frame), moments_);
  StiefelAdam adam;
  QuadraticForm form;
  HostMatrix before;  // the last step
  double moved = options.tolerance;
  auto const iterate = [&](auto const& passes) {
    while (form.iterations < options.iterations && moved >= options.tolerance) {
      ++form.iterations;
      passes.first(space, algebra);
      if (comm.size() > 1) comm.all_reduce(std::span<double>(algebra.sums.values));
      algebra.find_bend(options.cutoff);
      passes.second(space, algebra, factor);
      if (comm.size() > 1) comm.all_reduce(std::span<double>(algebra.turned.values));
      algebra.find_gradient(factor);
      before = algebra.frame_rows;
      moved = algebra.move(adam);
    }
  };
  bool whole = true;
  if constexpr (in_blocks<Space>) {
    if (TangentChunks<Space>::fits(d)) {
      whole = false;
      TangentBlocks const blocks{TangentBlocks::count(active_), offsets_.data(), columns_.data(), squares_.data()};
      std::optional<TangentChunks<Space>> chunks;
      cut(space, [&](Workspace<Space>& work) { chunks.emplace(work, blocks, dim_, d); });
      iterate(*chunks);
    }
  }
  if (whole) {
    std::optional<TangentProducts<Space, T>> products;
    ConstMatrix<T, Space> const active(offsets_.data(), active_, offsets_.extent(1));
    cut(space, [&](Workspace<Space>& work) {
      products.emplace(work, active, ConstVector<T, Space>(kernel_.data(), active_), dim_, d);
    });
    iterate(*products);
  }

  auto const narrow = [&](HostMatrix const& a) {
    HostMatrix b(a.rows, dim_);
    for (std::size_t i = 0; i < a.rows; ++i) std::copy_n(a.row(i), dim_, b.row(i));
    return b;
  };
  form.frame = transpose(narrow(algebra.frame_rows));
  form.bend = narrow(algebra.bend);
  form.gradient = transpose(narrow(algebra.gradient));
  if (form.iterations == 0) return form;
  double sum = 0;
  for (double const x : missed(space, narrow(before), form.bend, active_).squares) sum += x;
  form.loss = 0.5 * factor * comm.all_reduce(sum);
  return form;
}

/// Of the first points: what a form misses, and their coordinates.
template <class Space, class T>
typename TangentFit<Space, T>::Missed TangentFit<Space, T>::missed(Space const& space, HostMatrix const& frame,
                                                                   HostMatrix const& bend, std::size_t count) {
  Matrix<T, Space> u, v, c, h, rest;
  Vector<T, Space> squares;
  cut(space, [&](Workspace<Space>& work) {
    u = work.template take<T>(frame.rows, dim_);
    v = work.template take<T>(bend.rows, dim_);
    c = work.template take<T>(count, frame.rows);
    h = work.template take<T>(count, bend.rows);
    rest = work.template take<T>(count, dim_);
    squares = work.template take<T>(count);
  });
  copy_to_device<T>(space, frame.values, u.data());
  copy_to_device<T>(space, bend.values, v.data());
  auto const y = Kokkos::subview(offsets_, std::pair<std::size_t, std::size_t>(0, count),
                                 std::pair<std::size_t, std::size_t>(0, dim_));
  gemm(space, "N", "T", 1, y, u, 0, c);
  for_rows(space, KRATE_LABEL("krate::models::tangent_fit::all_products"), count, CoordinateProducts<Space, T>{c, h});
  for_rows(space, KRATE_LABEL("krate::models::tangent_fit::points"), count, FirstColumns<Space, T>{offsets_, rest});
  gemm(space, "N", "N", -1, c, u, 1, rest);
  gemm(space, "N", "N", -1, h, v, 1, rest);
  for_rows(space, KRATE_LABEL("krate::models::tangent_fit::squares"), count,
           WeightedSquares<Space, T>{rest, ConstVector<T, Space>(kernel_.data(), count), squares});
  return {copy_to_host(space, squares), copy_to_host(space, Vector<T, Space>(c.data(), c.size()))};
}

template <class Space, class T>
double TangentFit<Space, T>::spread() const {
  double sum = 0;
  for (std::size_t j = 0; j < dim_; ++j) sum += moments_(j, j);
  return 0.5 * sum / (total_active_ * static_cast<double>(dim_));
}

template <class Space, class T>
typename TangentFit<Space, T>::Error TangentFit<Space, T>::error(Space const& space, comm::Communicator const& comm,
                                                                 QuadraticForm const& form) {
  std::size_t const d = form.frame.columns;
  auto const all = missed(space, transpose(form.frame), form.bend, rows_);
  Error found;
  for (double const x : all.squares) found.largest = std::max(found.largest, x);
  found.largest = std::sqrt(comm.all_reduce(found.largest, comm::Reduction::max));
  found.mean_coordinate.assign(d, 0);
  for (std::size_t i = 0; i < all.coordinates.size(); ++i)
    found.mean_coordinate[i % d] += std::abs(all.coordinates[i]) / total_;
  comm.all_reduce(std::span<double>(found.mean_coordinate));
  return found;
}

}  // namespace krate::models
