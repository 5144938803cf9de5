// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <cmath>

#include "models/impl/flatnet_dimension.hpp"
#include "models/impl/for_rows.hpp"

namespace krate::models {

inline HostMatrix without_column(HostMatrix const& a, std::size_t column) {
  HostMatrix b(a.rows, a.columns - 1);
  for (std::size_t i = 0; i < b.rows; ++i)
    for (std::size_t j = 0; j < b.columns; ++j) b(i, j) = a(i, j + (j >= column));
  return b;
}

/// The columns of u and what is new in x, at unit length.
inline HostMatrix with_column(HostMatrix const& u, HostMatrix x) {
  auto const known = multiply(u, multiply_transposed(u, x));
  double length = 0;
  for (std::size_t i = 0; i < u.rows; ++i) {
    x(i, 0) -= known(i, 0);
    length += x(i, 0) * x(i, 0);
  }
  HostMatrix b(u.rows, u.columns + 1);
  for (std::size_t i = 0; i < u.rows; ++i) {
    for (std::size_t j = 0; j < u.columns; ++j) b(i, j) = u(i, j);
    b(i, u.columns) = x(i, 0) / std::sqrt(length);
  }
  return b;
}

template <class Space, class T>
FlatnetBuilder<Space, T>::FlatnetBuilder(Space const& space, comm::Communicator const& comm,
                                         ConstMatrix<T, Space> const& x, FlatnetOptions const& options)
    : comm_(comm),
      options_(options),
      dim_(x.extent(1)),
      z_(Kokkos::view_alloc(space, Kokkos::WithoutInitializing, "krate::models::FlatnetBuilder::z"), x.extent(0), dim_),
      candidate_(Kokkos::view_alloc(space, Kokkos::WithoutInitializing, "krate::models::FlatnetBuilder::candidate"),
                 x.extent(0), dim_),
      squares_(Kokkos::view_alloc(space, "krate::models::FlatnetBuilder::squares"), x.extent(0)),
      ones_(Kokkos::view_alloc(space, "krate::models::FlatnetBuilder::ones"), x.extent(0)) {
  options_.validate();
  constexpr char const* where = "krate::models::FlatnetBuilder";
  std::vector<std::int64_t> rows(static_cast<std::size_t>(comm.size()));
  rows[static_cast<std::size_t>(comm.rank())] = static_cast<std::int64_t>(x.extent(0));
  comm.all_reduce(std::span<std::int64_t>(rows));
  for (int r = 0; r < comm.size(); ++r) {
    if (r < comm.rank()) first_ += static_cast<std::size_t>(rows[static_cast<std::size_t>(r)]);
    total_ += static_cast<std::size_t>(rows[static_cast<std::size_t>(r)]);
  }
  require_value(total_ > 1, where, "samples", total_, "must be at least two");
  Kokkos::deep_copy(space, ones_, T(1));
  Kokkos::deep_copy(space, z_, x);
  normalise(space, z_, input_.mean, input_.scale);
  require_value(input_.scale > 0 && std::isfinite(input_.scale), where, "largest distance to the mean", input_.scale,
                "must be positive and finite; give samples that differ");
  if (!options_.normalise) input_ = {std::vector<double>(dim_), 1};
  Flatnet<Space, T>(space, input_, {}).encode(space, z_, Workspace<Space>());
  diameter_ = largest_distance(space);
  set_dimension(options_.dimension);
}

template <class Space, class T>
void FlatnetBuilder<Space, T>::set_dimension(std::size_t dimension) {
  require_value(dimension <= dim_, "krate::models::FlatnetBuilder", "dimension", dimension,
                "must be at most the samples' dimension");
  options_.dimension = dimension;
}

template <class Space, class T>
FlatnetChoice FlatnetBuilder<Space, T>::draw() const {
  auto const step = static_cast<std::uint32_t>(iteration_);
  Random const centres(options_.seed, 0xf1a70001, step), frames(options_.seed, 0xf1a70002, step),
      columns(options_.seed, 0xf1a70003, step);
  FlatnetChoice choice;
  choice.centre = centres.below(0, total_);
  std::size_t const last = layers_.empty() ? 1 : layers_.back().frame.columns;
  choice.start = HostMatrix(dim_, options_.dimension > 0 ? options_.dimension : last);
  for (std::size_t i = 0; i < choice.start.values.size(); ++i) choice.start.values[i] = frames.normal(i);
  choice.extra = HostMatrix(dim_, dim_);
  for (std::size_t i = 0; i < choice.extra.values.size(); ++i) choice.extra.values[i] = columns.normal(i);
  return choice;
}

template <class Space, class T>
std::vector<double> FlatnetBuilder<Space, T>::row(Space const& space, std::size_t i) const {
  std::vector<double> found(dim_);
  if (i >= first_ && i < first_ + z_.extent(0)) copy_to_host<T>(space, &z_(i - first_, 0), std::span<T>(found));
  comm_.all_reduce(std::span<double>(found));
  return found;
}

/// The least dimension whose form holds everywhere near the centre, sought upwards or downwards from the last one.
template <class Space, class T>
HostMatrix FlatnetBuilder<Space, T>::find_frame(Space const& space, FlatnetChoice const& choice,
                                                std::span<double const> centre, FlatnetStep& step) {
  double const radius = options_.dimension_radius * diameter_;
  fit_.set_neighbourhood(space, comm_, z_, centre, radius);
  auto frame = orthonormal_columns(choice.start), kept = frame;
  if (options_.dimension > 0) {
    step.rounds.push_back({fit_.fit(space, comm_, frame, {.iterations = options_.inner_iterations}), 0});
    return step.rounds.back().form.frame;
  }
  bool decreasing = false;
  for (std::size_t round = 0, added = 0; round < dim_; ++round) {
    auto const form = fit_.fit(space, comm_, frame, {.iterations = options_.inner_iterations});
    auto const error = fit_.error(space, comm_, form);
    step.rounds.push_back({form, error.largest});
    std::size_t const d = frame.columns;
    if (error.largest <= options_.error_ratio * radius) {
      kept = form.frame;
      if ((round > 0 && !decreasing) || d == 1) break;
      decreasing = true;
      auto const& c = error.mean_coordinate;
      frame = without_column(form.frame, static_cast<std::size_t>(std::min_element(c.begin(), c.end()) - c.begin()));
    } else {
      if (decreasing || d == dim_) break;
      HostMatrix x(dim_, 1);
      require_value(added < choice.extra.rows && choice.extra.columns == dim_, "krate::models::FlatnetBuilder::step",
                    "rows of extra", choice.extra.rows, "must be as many as columns are added, one number a feature");
      for (std::size_t j = 0; j < dim_; ++j) x(j, 0) = choice.extra(added, j);
      ++added;
      frame = with_column(form.frame, std::move(x));
    }
  }
  return kept;
}

/// The radius at which the local error is at the threshold, by one secant step of logarithms.
template <class Space, class T>
void FlatnetBuilder<Space, T>::fit_at_radius(Space const& space, std::span<double const> centre,
                                             HostMatrix const& frame, FlatnetStep& step) {
  double const least = options_.smallest_radius * diameter_, most = options_.largest_radius * diameter_;
  double const middle = 0.5 * (least + most), dimension = options_.dimension_radius * diameter_;
  auto const log_error = [&](double loss) { return std::log(std::max(loss, 1e-300)) - std::log(options_.threshold); };
  TangentFitOptions const fit{.iterations = options_.inner_iterations};
  fit_.set_neighbourhood(space, comm_, z_, centre, middle);
  step.middle = fit_.fit(space, comm_, frame, fit);
  double const at_middle = log_error(step.middle.loss), at_dimension = log_error(step.rounds.back().form.loss);
  double slope = at_middle - at_dimension;
  if (std::abs(slope) < 1e-6) slope = slope < 0 ? -1e-6 : 1e-6;
  step.radius = std::clamp(middle - (middle - dimension) / slope * at_middle, least, most);
  fit_.set_neighbourhood(space, comm_, z_, centre, step.radius);
  step.last = fit_.fit(space, comm_, step.middle.frame, fit);
}

template <class Space, class T>
void FlatnetBuilder<Space, T>::apply(Space const& space, FlatnetLayer const& layer, Points const& z) const {
  Flatnet<Space, T> const one(space, {std::vector<double>(dim_), 1}, std::span<FlatnetLayer const>(&layer, 1));
  Arena<Space> const arena(space, one.workspace(z.extent(0)), "krate::models::FlatnetBuilder");
  one.encode(space, 0, Matrix<T, Space>(z), arena.workspace());
  space.fence("krate::models::FlatnetBuilder: the layer has run");
}

template <class Space, class T>
FlatnetStep FlatnetBuilder<Space, T>::step(Space const& space) {
  return step(space, draw());
}

template <class Space, class T>
FlatnetStep FlatnetBuilder<Space, T>::step(Space const& space, FlatnetChoice const& choice) {
  constexpr char const* where = "krate::models::FlatnetBuilder::step";
  require_value(choice.centre < total_, where, "centre", choice.centre, "must be less than the number of samples");
  require_value(choice.start.rows == dim_ && choice.start.columns > 0 && choice.start.columns <= dim_, where,
                "rows of start", choice.start.rows, "must be the samples' dimension, with at most as many columns");
  FlatnetStep made;
  auto const centre = row(space, choice.centre);
  auto const frame = find_frame(space, choice, centre, made);
  fit_at_radius(space, centre, frame, made);

  auto& layer = made.layer;
  layer.frame = made.last.frame;
  layer.bend = made.last.bend;
  layer.mean = fit_.mean();
  layer.centre = centre;
  layer.shift.assign(dim_, 0);
  layer.gamma = fit_.gamma();
  layer.alpha = made.last.loss == 0 ? options_.alpha_max
                                    : std::min(options_.alpha_max, std::sqrt(options_.threshold / made.last.loss));
  Kokkos::deep_copy(space, candidate_, z_);
  apply(space, layer, candidate_);
  normalise(space, candidate_, layer.shift, layer.scale);
  // With the layer as it is stored, from the start: as any other program will apply it.
  Kokkos::deep_copy(space, candidate_, z_);
  apply(space, layer, candidate_);
  for_rows(space, KRATE_LABEL("krate::models::flatnet::change"), z_.extent(0),
           SquaredChange<Space, T>{candidate_, z_, squares_});
  double sum = 0;
  for (double const s : copy_to_host(space, Vector<T, Space>(squares_))) sum += s;
  made.change = std::sqrt(comm_.all_reduce(sum) / static_cast<double>(total_ * dim_));
  if (!std::isfinite(made.change)) {
    throw NumericalError(where, "iteration " + std::to_string(iteration_) + " gives no finite numbers (local error " +
                                    std::to_string(made.last.loss) + "); give more samples, or a larger radius");
  }
  ++iteration_;
  made.accepted = made.change >= 1e-4;
  double const wide = options_.dimension > 0 ? std::min(1.0, options_.largest_radius) : options_.largest_radius;
  count_ = !made.accepted && made.radius >= wide * diameter_ ? count_ + 1 : 0;
  if (made.accepted) {
    layers_.push_back(layer);
    std::swap(z_, candidate_);
  }
  return made;
}

template <class Space, class T>
void FlatnetBuilder<Space, T>::restore(Space const& space, std::span<FlatnetLayer const> layers, std::size_t iteration,
                                       std::size_t count) {
  layers_.assign(layers.begin(), layers.end());
  iteration_ = iteration;
  count_ = count;
  for (auto const& layer : layers_) apply(space, layer, z_);
}

}  // namespace krate::models
