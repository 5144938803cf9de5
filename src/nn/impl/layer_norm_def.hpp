// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/nn/layer_norm.hpp"
#include "linalg/impl/row_sum.hpp"

namespace krate::impl {

/// One team a row.
template <class Space, class T>
struct NormalizeRow {
  ConstMatrix<T, Space> x;
  ConstVector<T, Space> weight, bias;
  T norm_eps;
  Matrix<T, Space> y;
  Vector<T, Space> mean, reciprocal_deviation;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const r = team.league_rank();
    auto const dim = static_cast<std::int64_t>(x.extent(1));
    T const mu = row_sum<T>(team, dim, [&](std::int64_t j) { return x(r, j); }) / T(dim);
    T const variance = row_sum<T>(team, dim,
                                  [&](std::int64_t j) {
                                    T const deviation = x(r, j) - mu;
                                    return deviation * deviation;
                                  }) /
                       T(dim);
    T const reciprocal = T(1) / Kokkos::sqrt(variance + norm_eps);
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, dim),
                         [&](std::int64_t j) { y(r, j) = weight(j) * ((x(r, j) - mu) * reciprocal) + bias(j); });
    Kokkos::single(Kokkos::PerTeam(team), [&]() {
      mean(r) = mu;
      reciprocal_deviation(r) = reciprocal;
    });
  }
};

/// One team a row.
template <class Space, class T, bool add>
struct NormInputGradient {
  ConstMatrix<T, Space> x;
  ConstVector<T, Space> weight, mean, reciprocal_deviation;
  ConstMatrix<T, Space> dy;
  Matrix<T, Space> dx;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const { row(team, team.league_rank()); }
  KOKKOS_FORCEINLINE_FUNCTION void row(RowMember<Space> const& team, std::int64_t r) const {
    auto const dim = static_cast<std::int64_t>(x.extent(1));
    T const mu = mean(r), reciprocal = reciprocal_deviation(r);
    T const mean_h = row_sum<T>(team, dim, [&](std::int64_t j) { return dy(r, j) * weight(j); }) / T(dim);
    T const mean_hn =
        row_sum<T>(team, dim, [&](std::int64_t j) { return dy(r, j) * weight(j) * ((x(r, j) - mu) * reciprocal); }) /
        T(dim);
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, dim), [&](std::int64_t j) {
      T const n = (x(r, j) - mu) * reciprocal;
      T const gradient = reciprocal * (dy(r, j) * weight(j) - mean_h - n * mean_hn);
      dx(r, j) = add ? dx(r, j) + gradient : gradient;
    });
  }
};

/// One work item: one stretch of rows, a few neighbouring columns.
template <class Space, class T>
struct NormParameterChunk {
  static constexpr int width = is_device<Space> ? 1 : 16;
  ConstMatrix<T, Space> x;
  ConstVector<T, Space> mean, reciprocal_deviation;
  ConstMatrix<T, Space> dy;
  Tensor3<T, Space> partial;

  KOKKOS_FUNCTION std::int64_t tiles() const { return (static_cast<std::int64_t>(x.extent(1)) + width - 1) / width; }
  KOKKOS_FUNCTION void operator()(std::int64_t item) const {
    auto const rows = static_cast<std::int64_t>(x.extent(0)), dim = static_cast<std::int64_t>(x.extent(1));
    constexpr auto chunks = static_cast<std::int64_t>(norm_chunks);
    std::int64_t const chunk = item / tiles(), first = item % tiles() * width;
    std::int64_t const begin = rows * chunk / chunks, end = rows * (chunk + 1) / chunks;
    if (first + width <= dim) {  // a constant width becomes vector registers
      sum_rows(chunk, begin, end, first, width);
    } else {
      sum_rows(chunk, begin, end, first, static_cast<int>(dim - first));
    }
  }
  KOKKOS_FORCEINLINE_FUNCTION void sum_rows(std::int64_t chunk, std::int64_t begin, std::int64_t end,
                                            std::int64_t first, int n) const {
    T weight[width] = {}, bias[width] = {};
    for (std::int64_t r = begin; r < end; ++r) {
      T const mu = mean(r), reciprocal = reciprocal_deviation(r);
      for (int l = 0; l < n; ++l) {
        T const g = dy(r, first + l);
        weight[l] += g * ((x(r, first + l) - mu) * reciprocal);
        bias[l] += g;
      }
    }
    for (int l = 0; l < n; ++l) {
      partial(chunk, 0, first + l) = weight[l];
      partial(chunk, 1, first + l) = bias[l];
    }
  }
};

/// One host thread a stretch of rows: both gradients while a row is in cache, with the bits of the two kernels above.
template <class Space, class T, bool add>
struct NormBothChunk {
  NormInputGradient<Space, T, add> input;
  Tensor3<T, Space> partial;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const rows = static_cast<std::int64_t>(input.x.extent(0)), dim = static_cast<std::int64_t>(input.x.extent(1));
    constexpr auto chunks = static_cast<std::int64_t>(norm_chunks);
    std::int64_t const chunk = team.league_rank(), begin = rows * chunk / chunks, end = rows * (chunk + 1) / chunks;
    T* const __restrict weight = &partial(chunk, 0, 0), * const __restrict bias = &partial(chunk, 1, 0);
    for (std::int64_t j = 0; j < dim; ++j) weight[j] = bias[j] = 0;
    for (std::int64_t r = begin; r < end; ++r) {
      T const mu = input.mean(r), reciprocal = input.reciprocal_deviation(r);
      T const *const x = &input.x(r, 0), *const dy = &input.dy(r, 0);
      for (std::int64_t j = 0; j < dim; ++j) {
        weight[j] += dy[j] * ((x[j] - mu) * reciprocal);
        bias[j] += dy[j];
      }
      input.row(team, r);
    }
  }
};

template <class Space, class T>
struct AddNormChunks {
  ConstTensor3<T, Space> partial;
  Vector<T, Space> dweight, dbias;
  KOKKOS_FUNCTION void operator()(std::int64_t j) const {
    T weight = 0, bias = 0;
    for (std::size_t chunk = 0; chunk < norm_chunks; ++chunk) {
      weight += partial(chunk, 0, j);
      bias += partial(chunk, 1, j);
    }
    dweight(j) += weight;
    dbias(j) += bias;
  }
};

template <class Space, class T>
void add_norm_chunks(Space const& space, Tensor3<T, Space> const& partial, Vector<T, Space> const& dweight,
                     Vector<T, Space> const& dbias) {
  Kokkos::parallel_for(KRATE_LABEL("krate::layer_norm::add_chunks"), elements(space, dweight.extent(0)),
                       AddNormChunks<Space, T>{partial, dweight, dbias});
}

template <bool add, class Space, class T>
void norm_both_gradients(Space const& space, NormInputGradient<Space, T, add> const& input,
                         Tensor3<T, Space> const& partial) {
  Kokkos::parallel_for(KRATE_LABEL("krate::layer_norm::both_gradients"), rows(space, norm_chunks),
                       NormBothChunk<Space, T, add>{input, partial});
}

template <class Space, class T>
void LayerNorm<Space, T>::forward(Space const& space, ConstMatrix<T, Space> x, ConstVector<T, Space> weight,
                                  ConstVector<T, Space> bias, LayerNormOptions const& options, Matrix<T, Space> y,
                                  Vector<T, Space> mean, Vector<T, Space> reciprocal_deviation) {
  if (x.size() == 0) return;
  Kokkos::parallel_for(
      KRATE_LABEL("krate::layer_norm::normalize"), rows(space, x.extent(0)),
      NormalizeRow<Space, T>{x, weight, bias, static_cast<T>(options.norm_eps), y, mean, reciprocal_deviation});
}

template <class Space, class T>
void LayerNorm<Space, T>::backward(Space const& space, ConstMatrix<T, Space> x, ConstVector<T, Space> weight,
                                   ConstVector<T, Space> mean, ConstVector<T, Space> reciprocal_deviation,
                                   ConstMatrix<T, Space> dy, InputGradient input_gradient, Workspace<Space> work,
                                   Matrix<T, Space> dx, Vector<T, Space> dweight, Vector<T, Space> dbias) {
  auto const partial = layer_norm_scratch<Space, T>(work, x.extent(1));
  if (x.size() == 0) return;
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::layer_norm_backward"));
  bool const wants_input = dx.size() > 0;
  if constexpr (!is_device<Space>) {
    if (wants_input && static_cast<std::size_t>(space.concurrency()) <= norm_chunks) {
      if (input_gradient == InputGradient::add) {
        norm_both_gradients<true, Space, T>(space, {x, weight, mean, reciprocal_deviation, dy, dx}, partial);
      } else {
        norm_both_gradients<false, Space, T>(space, {x, weight, mean, reciprocal_deviation, dy, dx}, partial);
      }
      return add_norm_chunks<Space, T>(space, partial, dweight, dbias);
    }
  }
  // The parameters come first: dx may be dy.
  NormParameterChunk<Space, T> const chunk{x, mean, reciprocal_deviation, dy, partial};
  Kokkos::parallel_for(KRATE_LABEL("krate::layer_norm::sum_chunks"), elements(space, norm_chunks * chunk.tiles()),
                       chunk);
  add_norm_chunks<Space, T>(space, partial, dweight, dbias);
  if (!wants_input) return;
  if (input_gradient == InputGradient::add) {
    Kokkos::parallel_for(KRATE_LABEL("krate::layer_norm::add_input"), rows(space, x.extent(0)),
                         NormInputGradient<Space, T, true>{x, weight, mean, reciprocal_deviation, dy, dx});
  } else {
    Kokkos::parallel_for(KRATE_LABEL("krate::layer_norm::write_input"), rows(space, x.extent(0)),
                         NormInputGradient<Space, T, false>{x, weight, mean, reciprocal_deviation, dy, dx});
  }
}

}  // namespace krate::impl
