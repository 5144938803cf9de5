// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/nn/batch_norm.hpp"

namespace krate::impl {

/// x and x^2.
template <class Space, class T>
struct MomentTerms {
  ConstMatrix<T, Space> x;
  KOKKOS_FUNCTION void add(std::int64_t i, int j, double& first, double& second) const {
    auto const v = static_cast<double>(x(i, j));
    first += v;
    second += v * v;
  }
};

/// dy and dy n.
template <class Space, class T>
struct GradientTerms {
  ConstMatrix<T, Space> x, dy;
  ConstVector<T, Space> mean, deviation;
  KOKKOS_FUNCTION void add(std::int64_t i, int j, double& first, double& second) const {
    first += static_cast<double>(dy(i, j));
    second += static_cast<double>(dy(i, j) * (x(i, j) - mean(j)) * deviation(j));
  }
};

/// One team a chunk of rows; a channel stays with one thread.
template <class Space, class Terms>
struct SumChunk {
  Terms terms;
  Matrix<double, Space> partial;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const chunk = static_cast<std::int64_t>(team.league_rank());
    auto const n = static_cast<std::int64_t>(terms.x.extent(0)), chunks = static_cast<std::int64_t>(batch_chunks);
    int const channels = static_cast<int>(terms.x.extent(1));
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, channels),
                         [&](int j) { partial(chunk, j) = partial(chunk, channels + j) = 0; });
    for (auto i = chunk * n / chunks; i < (chunk + 1) * n / chunks; ++i)
      Kokkos::parallel_for(Kokkos::TeamVectorRange(team, channels),
                           [&](int j) { terms.add(i, j, partial(chunk, j), partial(chunk, channels + j)); });
  }
};

/// One work item a sum.
template <class Space>
struct SumChunks {
  ConstMatrix<double, Space> partial;
  double rows;
  Vector<double, Space> sums;
  KOKKOS_FUNCTION void operator()(std::int64_t k) const {
    if (k == static_cast<std::int64_t>(partial.extent(1))) {
      sums(k) = rows;
      return;
    }
    double sum = 0;
    for (std::size_t chunk = 0; chunk < batch_chunks; ++chunk) sum += partial(chunk, k);
    sums(k) = sum;
  }
};

template <class Space, class Terms>
void sum_rows(Space const& space, Terms const& terms, Workspace<Space> work, Vector<double, Space> sums) {
  auto const partial = work.template take<double>(batch_chunks, 2 * terms.x.extent(1));
  Kokkos::parallel_for(KRATE_LABEL("krate::batch_norm: chunks"), rows(space, batch_chunks),
                       SumChunk<Space, Terms>{terms, partial});
  Kokkos::parallel_for(KRATE_LABEL("krate::batch_norm: sums"), elements(space, sums.size()),
                       SumChunks<Space>{partial, static_cast<double>(terms.x.extent(0)), sums});
}

/// One work item a channel, as all that follow but for the last two.
template <class Space, class T>
struct StatisticsOfSums {
  ConstVector<double, Space> sums;
  double eps;
  Vector<T, Space> mean, deviation;
  KOKKOS_FUNCTION void operator()(std::int64_t j) const {
    auto const channels = static_cast<std::int64_t>(mean.extent(0));
    double const n = sums(2 * channels), centre = sums(j) / n,
                 variance = Kokkos::fmax(0.0, sums(channels + j) / n - centre * centre);
    mean(j) = static_cast<T>(centre);
    deviation(j) = static_cast<T>(1 / Kokkos::sqrt(variance + eps));
  }
};

template <class Space, class T>
struct CollectedStatistics {
  ConstVector<T, Space> running_mean, running_variance;
  double eps;
  Vector<T, Space> mean, deviation;
  KOKKOS_FUNCTION void operator()(std::int64_t j) const {
    mean(j) = running_mean(j);
    deviation(j) = static_cast<T>(1 / Kokkos::sqrt(static_cast<double>(running_variance(j)) + eps));
  }
};

template <class Space, class T>
struct CollectStatistics {
  ConstVector<double, Space> sums;
  double momentum;
  Vector<T, Space> running_mean, running_variance;
  KOKKOS_FUNCTION void operator()(std::int64_t j) const {
    auto const channels = static_cast<std::int64_t>(running_mean.extent(0));
    double const n = sums(2 * channels), centre = sums(j) / n,
                 squares = Kokkos::fmax(0.0, sums(channels + j) - n * centre * centre),
                 variance = n > 1 ? squares / (n - 1) : 0;
    running_mean(j) = static_cast<T>(running_mean(j) + momentum * (centre - running_mean(j)));
    running_variance(j) = static_cast<T>(running_variance(j) + momentum * (variance - running_variance(j)));
  }
};

template <class Space, class T>
struct AddSums {
  ConstVector<double, Space> sums;
  Vector<T, Space> dweight, dbias;
  KOKKOS_FUNCTION void operator()(std::int64_t j) const {
    dbias(j) += static_cast<T>(sums(j));
    dweight(j) += static_cast<T>(sums(static_cast<std::int64_t>(dbias.extent(0)) + j));
  }
};

/// One team a row.
template <class Space, class T>
struct NormalizeColumns {
  ConstMatrix<T, Space> x;
  ConstVector<T, Space> mean, deviation, weight, bias;
  Matrix<T, Space> y;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const i = team.league_rank();
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(y.extent(1))),
                         [&](int j) { y(i, j) = weight(j) * ((x(i, j) - mean(j)) * deviation(j)) + bias(j); });
  }
};

template <class Space, class T>
struct NormalizeColumnsBackward {
  ConstMatrix<T, Space> x;
  ConstVector<T, Space> mean, deviation, weight;
  ConstMatrix<T, Space> dy;
  ConstVector<double, Space> sums;
  Matrix<T, Space> dx;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const i = team.league_rank();
    int const channels = static_cast<int>(dx.extent(1));
    double const n = sums(2 * channels);
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, channels), [&](int j) {
      T const normed = (x(i, j) - mean(j)) * deviation(j), level = static_cast<T>(sums(j) / n),
              slope = static_cast<T>(sums(channels + j) / n);
      dx(i, j) = weight(j) * deviation(j) * (dy(i, j) - level - normed * slope);
    });
  }
};

template <class Space, class T>
void BatchNorm<Space, T>::moments(Space const& space, ConstMatrix<T, Space> x, Workspace<Space> work,
                                  Vector<double, Space> sums) {
  sum_rows(space, MomentTerms<Space, T>{x}, work, sums);
}

template <class Space, class T>
void BatchNorm<Space, T>::statistics(Space const& space, ConstVector<double, Space> sums, double eps,
                                     Vector<T, Space> mean, Vector<T, Space> deviation) {
  Kokkos::parallel_for(KRATE_LABEL("krate::batch_statistics"), elements(space, mean.size()),
                       StatisticsOfSums<Space, T>{sums, eps, mean, deviation});
}

template <class Space, class T>
void BatchNorm<Space, T>::running(Space const& space, ConstVector<T, Space> running_mean,
                                  ConstVector<T, Space> running_variance, double eps, Vector<T, Space> mean,
                                  Vector<T, Space> deviation) {
  Kokkos::parallel_for(KRATE_LABEL("krate::collected_statistics"), elements(space, mean.size()),
                       CollectedStatistics<Space, T>{running_mean, running_variance, eps, mean, deviation});
}

template <class Space, class T>
void BatchNorm<Space, T>::update(Space const& space, ConstVector<double, Space> sums, double momentum,
                                 Vector<T, Space> running_mean, Vector<T, Space> running_variance) {
  Kokkos::parallel_for(KRATE_LABEL("krate::collect_statistics"), elements(space, running_mean.size()),
                       CollectStatistics<Space, T>{sums, momentum, running_mean, running_variance});
}

template <class Space, class T>
void BatchNorm<Space, T>::forward(Space const& space, ConstMatrix<T, Space> x, ConstVector<T, Space> mean,
                                  ConstVector<T, Space> deviation, ConstVector<T, Space> weight,
                                  ConstVector<T, Space> bias, Matrix<T, Space> y) {
  if (y.size() == 0) return;
  Kokkos::parallel_for(KRATE_LABEL("krate::normalize_columns"), rows(space, y.extent(0)),
                       NormalizeColumns<Space, T>{x, mean, deviation, weight, bias, y});
}

template <class Space, class T>
void BatchNorm<Space, T>::gradient_sums(Space const& space, ConstMatrix<T, Space> x, ConstVector<T, Space> mean,
                                        ConstVector<T, Space> deviation, ConstMatrix<T, Space> dy,
                                        Workspace<Space> work, Vector<double, Space> sums, Vector<T, Space> dweight,
                                        Vector<T, Space> dbias) {
  sum_rows(space, GradientTerms<Space, T>{x, dy, mean, deviation}, work, sums);
  Kokkos::parallel_for(KRATE_LABEL("krate::batch_gradient_sums"), elements(space, dbias.size()),
                       AddSums<Space, T>{sums, dweight, dbias});
}

template <class Space, class T>
void BatchNorm<Space, T>::backward(Space const& space, ConstMatrix<T, Space> x, ConstVector<T, Space> mean,
                                   ConstVector<T, Space> deviation, ConstVector<T, Space> weight,
                                   ConstMatrix<T, Space> dy, ConstVector<double, Space> sums, Matrix<T, Space> dx) {
  if (dx.size() == 0) return;
  Kokkos::parallel_for(KRATE_LABEL("krate::batch_norm_backward"), rows(space, dx.extent(0)),
                       NormalizeColumnsBackward<Space, T>{x, mean, deviation, weight, dy, sums, dx});
}

}  // namespace krate::impl
