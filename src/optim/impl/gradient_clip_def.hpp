// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/label.hpp"
#include "krate/linalg/elementwise.hpp"
#include "krate/optim/gradient_clip.hpp"
#include "linalg/impl/row_sum.hpp"

namespace krate::impl {

/// One team a stretch of one segment; adds to what the segments before it gave.
template <class Space, class T>
struct AddSquares {
  ConstVector<T, Space> gradient;
  Vector<double, Space> partial;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    constexpr auto chunks = static_cast<std::int64_t>(gradient_chunks);
    std::int64_t const size = static_cast<std::int64_t>(gradient.extent(0)), chunk = team.league_rank();
    std::int64_t const begin = size * chunk / chunks, end = size * (chunk + 1) / chunks;
    double const sum = row_sum<double>(team, end - begin, [&](std::int64_t i) {
      auto const g = static_cast<double>(gradient(begin + i));
      return g * g;
    });
    Kokkos::single(Kokkos::PerTeam(team), [&]() { partial(chunk) += sum; });
  }
};

/// One work item in all.
template <class Space>
struct FinishNorm {
  ConstVector<double, Space> partial;
  Value<double, Space> norm;
  KOKKOS_FUNCTION void operator()(std::int64_t) const {
    double sum = 0;
    for (std::size_t c = 0; c < gradient_chunks; ++c) sum += partial(c);
    norm() = Kokkos::sqrt(sum);
  }
};

/// One work item in all.
template <class Space, class T>
struct ClipScale {
  Value<double const, Space> norm;
  double max_norm;
  Value<T, Space> scale;
  KOKKOS_FUNCTION void operator()(std::int64_t) const {
    double const factor = max_norm / (norm() + 1e-6);
    if (max_norm == 0) {
      scale() = T(1);
    } else if (!Kokkos::isfinite(norm())) {
      scale() = Kokkos::Experimental::quiet_NaN_v<T>;
    } else {
      scale() = factor < 1 ? static_cast<T>(factor) : T(1);
    }
  }
};

template <class Space, class T>
void GradientClip<Space, T>::norm(Space const& space, ParameterList<Space, T> const& list, Workspace<Space> work,
                                  Value<double, Space> norm) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::optim::gradient_norm"));
  auto const partial = gradient_norm_scratch(work);
  fill(space, partial, 0.0);
  for (auto const& segment : list.segments()) {
    Kokkos::parallel_for(KRATE_LABEL("krate::optim::gradient_norm::add_squares"), rows(space, gradient_chunks),
                         AddSquares<Space, T>{segment.gradient, partial});
  }
  Kokkos::parallel_for(KRATE_LABEL("krate::optim::gradient_norm::finish"), elements(space, 1),
                       FinishNorm<Space>{partial, norm});
}

template <class Space, class T>
void GradientClip<Space, T>::scale(Space const& space, Value<double const, Space> norm, double max_norm,
                                   Value<T, Space> scale) {
  Kokkos::parallel_for(KRATE_LABEL("krate::optim::clip_scale"), elements(space, 1),
                       ClipScale<Space, T>{norm, max_norm, scale});
}

}  // namespace krate::impl
