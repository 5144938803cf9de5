// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/require.hpp"
#include "krate/nn/impl/batch_norm_decl.hpp"

namespace krate {

// Batch normalization of each column of x [rows, channels] in steps, so that the sums between them can be those of all
// ranks: batch_moments, batch_statistics, normalize_columns; backwards batch_gradient_sums, batch_norm_backward.
// Source: Ioffe, Szegedy 2015, "Batch normalization", algorithms 1 and 2.

/// Length of the sums: two a channel, and the number of rows.
inline std::size_t batch_sums_length(std::size_t channels) {
  return 2 * channels + 1;
}
/// Bytes that batch_moments and batch_gradient_sums take from their workspace.
inline std::size_t batch_sums_workspace(std::size_t channels) {
  return measure<Kokkos::DefaultHostExecutionSpace>(
      [&](auto& work) { work.template take<double>(impl::batch_chunks, 2 * channels); });
}

/// sums = (sum of x, sum of x^2, rows), in double.
/// @param x  [rows, channels]     @param work  batch_sums_workspace(channels) bytes
/// @param sums  [batch_sums_length(channels)] of double, written
/// @throws ShapeError if extents disagree; ValueError if the workspace is too small
/// @note allocates: no; fences: no; bitwise repeatable: yes, for any number of threads
template <class Space, class X, class Sums>
void batch_moments(Space const& space, X const& x, Workspace<Space> work, Sums const& sums) {
  using T = std::remove_const_t<typename X::value_type>;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  require_shape("krate::batch_moments", "sums", sums, {batch_sums_length(x.extent(1))}, "two a channel, and one");
  impl::BatchNorm<Space, T>::moments(space, as_matrix<Space>(x), work, as_vector<Space>(sums));
}

/// Mean and (biased variance + norm_eps)^(-1/2) of each channel from the sums of a batch.
/// @param sums  as batch_moments wrote them, or their sums over ranks     @param mean,reciprocal_deviation  [channels]
/// @throws ShapeError if extents disagree     @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class Sums, class Mean, class Deviation>
void batch_statistics(Space const& space, Sums const& sums, double norm_eps, Mean const& mean,
                      Deviation const& reciprocal_deviation) {
  constexpr char const* where = "krate::batch_statistics";
  require_shape(where, "sums", sums, {batch_sums_length(mean.extent(0))}, "two a channel, and one");
  require_shape(where, "reciprocal_deviation", reciprocal_deviation, {mean.extent(0)}, "one a channel");
  impl::BatchNorm<Space, typename Mean::value_type>::statistics(
      space, as_vector<Space>(sums), norm_eps, as_vector<Space>(mean), as_vector<Space>(reciprocal_deviation));
}

/// The same from what was collected in training. @throws ShapeError if extents disagree
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class RunningMean, class RunningVariance, class Mean, class Deviation>
void collected_statistics(Space const& space, RunningMean const& running_mean, RunningVariance const& running_variance,
                          double norm_eps, Mean const& mean, Deviation const& reciprocal_deviation) {
  constexpr char const* where = "krate::collected_statistics";
  std::size_t const channels = mean.extent(0);
  require_shape(where, "running_mean", running_mean, {channels}, "one a channel");
  require_shape(where, "running_variance", running_variance, {channels}, "one a channel");
  require_shape(where, "reciprocal_deviation", reciprocal_deviation, {channels}, "one a channel");
  impl::BatchNorm<Space, typename Mean::value_type>::running(
      space, as_vector<Space>(running_mean), as_vector<Space>(running_variance), norm_eps, as_vector<Space>(mean),
      as_vector<Space>(reciprocal_deviation));
}

/// Collects for inference: running += momentum (new - running), new being mean and unbiased variance of the batch.
/// @throws ShapeError if extents disagree     @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class Sums, class RunningMean, class RunningVariance>
void collect_statistics(Space const& space, Sums const& sums, double momentum, RunningMean const& running_mean,
                        RunningVariance const& running_variance) {
  constexpr char const* where = "krate::collect_statistics";
  require_shape(where, "sums", sums, {batch_sums_length(running_mean.extent(0))}, "two a channel, and one");
  require_shape(where, "running_variance", running_variance, {running_mean.extent(0)}, "one a channel");
  impl::BatchNorm<Space, typename RunningMean::value_type>::update(
      space, as_vector<Space>(sums), momentum, as_vector<Space>(running_mean), as_vector<Space>(running_variance));
}

/// y = weight * (x - mean) * reciprocal_deviation + bias, each a number a channel.
/// @param x,y  [rows, channels]     @throws ShapeError if extents disagree
/// @note allocates: no; fences: no; bitwise repeatable: yes; gradient: batch_norm_backward
template <class Space, class X, class Mean, class Deviation, class Weight, class Bias, class Y>
void normalize_columns(Space const& space, X const& x, Mean const& mean, Deviation const& reciprocal_deviation,
                       Weight const& weight, Bias const& bias, Y const& y) {
  constexpr char const* where = "krate::normalize_columns";
  std::size_t const channels = x.extent(1);
  require_shape(where, "mean", mean, {channels}, "one a channel");
  require_shape(where, "reciprocal_deviation", reciprocal_deviation, {channels}, "one a channel");
  require_shape(where, "weight", weight, {channels}, "one a channel");
  require_shape(where, "bias", bias, {channels}, "one a channel");
  require_shape(where, "y", y, {x.extent(0), channels}, "same shape as x");
  impl::BatchNorm<Space, typename Y::value_type>::forward(
      space, as_matrix<Space>(x), as_vector<Space>(mean), as_vector<Space>(reciprocal_deviation),
      as_vector<Space>(weight), as_vector<Space>(bias), as_matrix<Space>(y));
}

/// First half of the backward pass. With n = (x - mean) * reciprocal_deviation, sums = (sum of dy, sum of dy n, rows);
/// dbias and dweight get these added.
/// @param dy  [rows, channels] gradient of normalize_columns' y, its statistics being those of the batch
/// @param work  batch_sums_workspace(channels) bytes     @param sums  [batch_sums_length(channels)] of double, written
/// @throws ShapeError if extents disagree; ValueError if the workspace is too small
/// @note allocates: no; fences: no; bitwise repeatable: yes, for any number of threads
template <class Space, class X, class Mean, class Deviation, class Dy, class Sums, class Dweight, class Dbias>
void batch_gradient_sums(Space const& space, X const& x, Mean const& mean, Deviation const& reciprocal_deviation,
                         Dy const& dy, Workspace<Space> work, Sums const& sums, Dweight const& dweight,
                         Dbias const& dbias) {
  constexpr char const* where = "krate::batch_gradient_sums";
  std::size_t const channels = x.extent(1);
  require_shape(where, "mean", mean, {channels}, "one a channel");
  require_shape(where, "reciprocal_deviation", reciprocal_deviation, {channels}, "one a channel");
  require_shape(where, "dy", dy, {x.extent(0), channels}, "same shape as x");
  require_shape(where, "sums", sums, {batch_sums_length(channels)}, "two a channel, and one");
  require_shape(where, "dweight", dweight, {channels}, "one a channel");
  require_shape(where, "dbias", dbias, {channels}, "one a channel");
  impl::BatchNorm<Space, typename Dweight::value_type>::gradient_sums(
      space, as_matrix<Space>(x), as_vector<Space>(mean), as_vector<Space>(reciprocal_deviation), as_matrix<Space>(dy),
      work, as_vector<Space>(sums), as_vector<Space>(dweight), as_vector<Space>(dbias));
}

/// Second half: dx = weight * reciprocal_deviation * (dy - mean(dy) - n mean(dy n)), means over all rows of the sums.
/// @param sums  as batch_gradient_sums wrote them, or their sums over ranks
/// @param dx    [rows, channels], may be the View dy
/// @throws ShapeError if extents disagree     @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class X, class Mean, class Deviation, class Weight, class Dy, class Sums, class Dx>
void batch_norm_backward(Space const& space, X const& x, Mean const& mean, Deviation const& reciprocal_deviation,
                         Weight const& weight, Dy const& dy, Sums const& sums, Dx const& dx) {
  constexpr char const* where = "krate::batch_norm_backward";
  std::size_t const channels = x.extent(1);
  require_shape(where, "weight", weight, {channels}, "one a channel");
  require_shape(where, "dy", dy, {x.extent(0), channels}, "same shape as x");
  require_shape(where, "sums", sums, {batch_sums_length(channels)}, "two a channel, and one");
  require_shape(where, "dx", dx, {x.extent(0), channels}, "same shape as x");
  impl::BatchNorm<Space, typename Dx::value_type>::backward(
      space, as_matrix<Space>(x), as_vector<Space>(mean), as_vector<Space>(reciprocal_deviation),
      as_vector<Space>(weight), as_matrix<Space>(dy), as_vector<Space>(sums), as_matrix<Space>(dx));
}

}  // namespace krate
