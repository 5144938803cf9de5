// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <cmath>

#include "krate/core/label.hpp"
#include "krate/linalg/gemm.hpp"
#include "krate/models/stiefel_adam.hpp"
#include "krate/models/tangent_fit.hpp"
#include "models/impl/host_copies.hpp"
#include "models/impl/tangent_fit_kernels.hpp"

namespace krate::models {

/// Temporaries of a fit with d columns. Rows: all of this rank's, of which a fit uses the active ones.
template <class Space, class T>
struct TangentFit<Space, T>::Buffers {
  Matrix<T, Space> frame, bend, bend_products, c, products, weighted, missed, pull, rest;
  Vector<T, Space> sums;      ///< S [q, q], then P [q + d, D]
  Matrix<T, Space> gradient;  ///< [d, D]
  Vector<T, Space> squares;

  Buffers(Workspace<Space>& work, std::size_t rows, std::size_t dim, std::size_t d) {
    std::size_t const q = pairs_of(d);
    frame = work.template take<T>(dim, d);
    bend = work.template take<T>(q, dim);
    bend_products = work.template take<T>(q, q);
    c = work.template take<T>(rows, d);
    products = work.template take<T>(rows, q);
    weighted = work.template take<T>(rows, q + d);
    missed = work.template take<T>(rows, q);
    pull = work.template take<T>(rows, d);
    rest = work.template take<T>(rows, dim);
    sums = work.template take<T>(q * q + (q + d) * dim);
    gradient = work.template take<T>(d, dim);
    squares = work.template take<T>(rows);
  }
};

template <class Space, class T>
typename TangentFit<Space, T>::Buffers TangentFit<Space, T>::buffers(Space const& space, std::size_t d) {
  std::size_t const bytes = measure<Space>([&](Workspace<Space>& work) { Buffers(work, rows_, dim_, d); });
  if (bytes > arena_.bytes()) {
    space.fence("krate::models::TangentFit: the smaller arena is free");
    arena_ = Arena<Space>(space, bytes, "krate::models::TangentFit");
  }
  auto work = arena_.workspace();
  return Buffers(work, rows_, dim_, d);
}

template <class Space, class T>
void TangentFit<Space, T>::set_neighbourhood(Space const& space, comm::Communicator const& comm,
                                             ConstMatrix<T, Space> const& z, std::span<double const> centre,
                                             double radius) {
  rows_ = z.extent(0);
  dim_ = z.extent(1);
  gamma_ = std::log(2.0) / (radius * radius);
  Vector<T, Space> where, all, sum;
  Vector<std::int64_t, Space> order;
  auto const cut = [&](Workspace<Space>& work) {
    offsets_ = work.template take<T>(rows_, dim_);
    kernel_ = work.template take<T>(rows_);
    all = work.template take<T>(rows_);
    where = work.template take<T>(dim_);
    sum = work.template take<T>(dim_);
    order = work.template take<std::int64_t>(rows_);
  };
  std::size_t const bytes = measure<Space>(cut);
  if (bytes > points_.bytes()) points_ = Arena<Space>(space, bytes, "krate::models::TangentFit::points");
  auto work = points_.workspace();
  cut(work);

  Kokkos::RangePolicy<Space> const policy(space, 0, rows_);
  copy_to_device<T>(space, centre, where.data());
  Kokkos::parallel_for(KRATE_LABEL("krate::models::tangent_fit::weights"), policy,
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
  Kokkos::parallel_for(KRATE_LABEL("krate::models::tangent_fit::kernel"), policy,
                       KernelOfDistance<Space, T>{z, sum, all, gamma_});
  copy_to_host<T>(space, all.data(), std::span<T>(host));
  std::vector<std::int64_t> indices(rows_);
  for (std::size_t i = 0; i < rows_; ++i) indices[i] = static_cast<std::int64_t>(i);
  active_ = static_cast<std::size_t>(
      std::stable_partition(indices.begin(), indices.end(), [&](std::int64_t i) { return host[i] > 1e-6; }) -
      indices.begin());
  copy_to_device<std::int64_t>(space, indices, order.data());
  Kokkos::parallel_for(KRATE_LABEL("krate::models::tangent_fit::gather"), policy,
                       GatherOffsets<Space, T>{z, where, all, order, offsets_, kernel_});
  double counts[2] = {static_cast<double>(rows_), static_cast<double>(active_)};
  comm.all_reduce(std::span<double>(counts));
  total_ = counts[0];
  total_active_ = counts[1];
}

template <class Space, class T>
QuadraticForm TangentFit<Space, T>::fit(Space const& space, comm::Communicator const& comm, HostMatrix const& frame,
                                        TangentFitOptions const& options) {
  std::size_t const d = frame.columns, q = pairs_of(d), n = active_, dim = dim_;
  require_value(d > 0 && d <= dim && frame.rows == dim, "krate::models::TangentFit::fit", "columns of the frame", d,
                "must be from 1 to the dimension of the points");
  auto const b = buffers(space, d);
  auto const top = [n](auto const& m) { return std::decay_t<decltype(m)>(m.data(), n, m.extent(1)); };
  ConstMatrix<T, Space> const y(offsets_.data(), n, dim);
  auto const c = top(b.c), products = top(b.products), weighted = top(b.weighted), missed = top(b.missed),
             pull = top(b.pull), rest = top(b.rest);
  auto const products_only = Kokkos::subview(weighted, Kokkos::ALL, Kokkos::pair<std::size_t, std::size_t>(0, q));
  Matrix<T, Space> const s(b.sums.data(), q, q), p(b.sums.data() + q * q, q + d, dim);
  Kokkos::RangePolicy<Space> const policy(space, 0, n);
  double const factor = 1 / (total_active_ * static_cast<double>(dim));

  QuadraticForm form;
  form.frame = polar_factor(frame);
  form.gradient = HostMatrix(dim, d);
  StiefelAdam adam;
  HostMatrix sums(1, b.sums.size()), host_s(q, q), host_p(q, dim), turned(d, dim);
  double moved = options.tolerance;
  while (form.iterations < options.iterations && moved >= options.tolerance) {
    ++form.iterations;
    copy_to_device<T>(space, form.frame.values, b.frame.data());
    gemm(space, "N", "N", 1, y, b.frame, 0, c);
    Kokkos::parallel_for(KRATE_LABEL("krate::models::tangent_fit::products"), policy,
                         CoordinateProducts<Space, T>{c, kernel_, products, weighted});
    gemm(space, "T", "N", 1, products, products_only, 0, s);
    gemm(space, "T", "N", 1, weighted, y, 0, p);
    copy_to_host<T>(space, b.sums.data(), std::span<T>(sums.values));
    comm.all_reduce(std::span<double>(sums.values));

    // V: the right-hand side is across the frame, since the points' coordinates are taken out.
    std::copy_n(sums.values.begin(), q * q, host_s.values.begin());
    HostMatrix sums_p(q + d, dim);
    std::copy(sums.values.begin() + q * q, sums.values.end(), sums_p.values.begin());
    auto const along = multiply(sums_p, form.frame);  // [q + d, d]: products and coordinates times coordinates
    auto const kept = multiply(along, transpose(form.frame));
    for (std::size_t i = 0; i < q * dim; ++i) host_p.values[i] = sums_p.values[i] - kept.values[i];
    form.bend = solve_semidefinite(host_s, host_p, options.cutoff);

    copy_to_device<T>(space, form.bend.values, b.bend.data());
    gemm(space, "N", "T", 1, b.bend, b.bend, 0, b.bend_products);
    gemm(space, "N", "T", 1, y, b.bend, 0, missed);
    gemm(space, "N", "N", -1, products, b.bend_products, 1, missed);
    Kokkos::parallel_for(KRATE_LABEL("krate::models::tangent_fit::pull"), policy,
                         CoordinatePull<Space, T>{c, missed, kernel_, pull, factor});
    gemm(space, "T", "N", 1, pull, y, 0, b.gradient);
    copy_to_host<T>(space, b.gradient.data(), std::span<T>(turned.values));
    comm.all_reduce(std::span<double>(turned.values));
    // Less what the form misses times the coordinates: Y^T c - U c^T c - V H^T c, each weighted.
    for (std::size_t j = 0; j < dim; ++j) {
      for (std::size_t a = 0; a < d; ++a) {
        double sum = sums_p(q + a, j) - kept(q + a, j);
        for (std::size_t k = 0; k < q; ++k) sum -= form.bend(k, j) * along(k, a);
        form.gradient(j, a) = turned(a, j) - factor * sum;
      }
    }
    moved = adam.step(form.frame, form.gradient);
  }
  if (form.iterations == 0) return form;

  Kokkos::deep_copy(space, rest, y);
  gemm(space, "N", "T", -1, c, b.frame, 1, rest);
  gemm(space, "N", "N", -1, products, b.bend, 1, rest);
  Kokkos::parallel_for(KRATE_LABEL("krate::models::tangent_fit::squares"), policy,
                       WeightedSquares<Space, T>{rest, kernel_, b.squares});
  double sum = 0;
  for (double const x : copy_to_host(space, Vector<T, Space>(b.squares.data(), n))) sum += x;
  form.loss = 0.5 * factor * comm.all_reduce(sum);
  return form;
}

template <class Space, class T>
double TangentFit<Space, T>::spread(Space const& space, comm::Communicator const& comm) {
  auto const squares = buffers(space, 1).squares;
  Kokkos::parallel_for(KRATE_LABEL("krate::models::tangent_fit::spread"), Kokkos::RangePolicy<Space>(space, 0, active_),
                       WeightedSquares<Space, T>{offsets_, kernel_, squares});
  double sum = 0;
  for (double const x : copy_to_host(space, Vector<T, Space>(squares.data(), active_))) sum += x;
  return 0.5 * comm.all_reduce(sum) / (total_active_ * static_cast<double>(dim_));
}

template <class Space, class T>
typename TangentFit<Space, T>::Error TangentFit<Space, T>::error(Space const& space, comm::Communicator const& comm,
                                                                 QuadraticForm const& form) {
  std::size_t const d = form.frame.columns;
  auto const b = buffers(space, d);
  Kokkos::RangePolicy<Space> const policy(space, 0, rows_);
  copy_to_device<T>(space, form.frame.values, b.frame.data());
  copy_to_device<T>(space, form.bend.values, b.bend.data());
  gemm(space, "N", "N", 1, offsets_, b.frame, 0, b.c);
  Kokkos::parallel_for(KRATE_LABEL("krate::models::tangent_fit::all_products"), policy,
                       CoordinateProducts<Space, T>{b.c, kernel_, b.products, b.weighted});
  Kokkos::deep_copy(space, b.rest, offsets_);
  gemm(space, "N", "T", -1, b.c, b.frame, 1, b.rest);
  gemm(space, "N", "N", -1, b.products, b.bend, 1, b.rest);
  Kokkos::parallel_for(KRATE_LABEL("krate::models::tangent_fit::all_squares"), policy,
                       WeightedSquares<Space, T>{b.rest, kernel_, b.squares});
  Error found;
  for (double const x : copy_to_host(space, b.squares)) found.largest = std::max(found.largest, x);
  found.largest = std::sqrt(comm.all_reduce(found.largest, comm::Reduction::max));
  found.mean_coordinate.assign(d, 0);
  auto const c = copy_to_host(space, Vector<T, Space>(b.c.data(), b.c.size()));
  for (std::size_t i = 0; i < c.size(); ++i) found.mean_coordinate[i % d] += std::abs(c[i]) / total_;
  comm.all_reduce(std::span<double>(found.mean_coordinate));
  return found;
}

}  // namespace krate::models
