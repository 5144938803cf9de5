// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/label.hpp"
#include "krate/nn/pixel_loss.hpp"
#include "linalg/impl/row_sum.hpp"

namespace krate::impl {

/// What is to be predicted of a patch: (value - mean) * scale.
template <class T>
struct PatchTarget {
  T mean = 0, scale = 1;
  KOKKOS_FUNCTION T operator()(T value) const { return (value - mean) * scale; }

  template <class Space>
  KOKKOS_FUNCTION static PatchTarget of(RowMember<Space> const& team, ConstMatrix<T, Space> const& patches,
                                        std::int64_t r, bool normalise) {
    if (!normalise) return {};
    auto const values = static_cast<std::int64_t>(patches.extent(1));
    double const mean = row_sum<double>(team, values, [&](std::int64_t j) { return patches(r, j); }) / values;
    double const squares = row_sum<double>(team, values, [&](std::int64_t j) {
      double const d = static_cast<double>(patches(r, j)) - mean;
      return d * d;
    });
    return {static_cast<T>(mean), static_cast<T>(1 / Kokkos::sqrt(squares / (values - 1) + 1e-6))};
  }
};

/// One team a patch.
template <class Space, class T>
struct PatchLoss {
  ConstTensor3<T, Space> prediction;
  ConstMatrix<T, Space> patches;
  ConstMatrix<bool, Space> removed;
  bool normalise;
  Vector<double, Space> losses;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const r = team.league_rank();
    auto const count = static_cast<std::int64_t>(removed.extent(1)), b = r / count, i = r % count;
    double sum = 0;
    if (removed(b, i)) {
      auto const target = PatchTarget<T>::template of<Space>(team, patches, r, normalise);
      sum = row_sum<double>(team, static_cast<std::int64_t>(patches.extent(1)), [&](std::int64_t j) {
        double const d = prediction(b, i + 1, j) - target(patches(r, j));
        return d * d;
      });
    }
    Kokkos::single(Kokkos::PerTeam(team), [&]() { losses(r) = sum; });
  }
};

/// One team in all.
template <class Space>
struct SumPatchLosses {
  Vector<double, Space> losses;
  double scale;
  Value<double, Space> loss;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    double const sum =
        row_sum<double>(team, static_cast<std::int64_t>(losses.extent(0)), [&](std::int64_t r) { return losses(r); });
    Kokkos::single(Kokkos::PerTeam(team), [&]() { loss() = scale * sum; });
  }
};

/// One team a token. With t the normalised patch, s its scale and g = -dprediction, the patch has
///     s (g - mean of g - t <g, t> / (values - 1))
template <class Space, class T>
struct PatchLossGradient {
  ConstTensor3<T, Space> prediction;
  ConstMatrix<T, Space> patches;
  ConstMatrix<bool, Space> removed;
  bool normalise;
  T factor;
  Tensor3<T, Space> dprediction;
  Matrix<T, Space> dpatches;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const count = static_cast<std::int64_t>(removed.extent(1)), b = team.league_rank() / (count + 1),
               t = team.league_rank() % (count + 1), r = b * count + t - 1;
    auto const values = static_cast<std::int64_t>(patches.extent(1));
    bool const counts = t > 0 && removed(b, t - 1), wanted = t > 0 && dpatches.size() > 0;
    if (!counts) {
      Kokkos::parallel_for(Kokkos::TeamVectorRange(team, values), [&](std::int64_t j) {
        dprediction(b, t, j) = 0;
        if (wanted) dpatches(r, j) = 0;
      });
      return;
    }
    auto const target = PatchTarget<T>::template of<Space>(team, patches, r, normalise);
    auto const slope = [&](std::int64_t j) { return factor * (prediction(b, t, j) - target(patches(r, j))); };
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, values),
                         [&](std::int64_t j) { dprediction(b, t, j) = slope(j); });
    if (!wanted) return;
    T mean = 0, along = 0;
    if (normalise) {
      mean = row_sum<T>(team, values, slope) / T(values);
      along =
          row_sum<T>(team, values, [&](std::int64_t j) { return slope(j) * target(patches(r, j)); }) / T(values - 1);
    }
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, values), [&](std::int64_t j) {
      dpatches(r, j) = -target.scale * (slope(j) - mean - along * (normalise ? target(patches(r, j)) : T(0)));
    });
  }
};

template <class Space, class T>
void PixelLoss<Space, T>::forward(Space const& space, ConstTensor3<T, Space> prediction, ConstMatrix<T, Space> patches,
                                  ConstMatrix<bool, Space> removed, PixelLossOptions const& options,
                                  Workspace<Space> work, Value<double, Space> loss) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::masked_pixel_loss"));
  auto const losses = work.template take<double>(patches.extent(0));
  if (patches.extent(0) > 0) {
    Kokkos::parallel_for(KRATE_LABEL("krate::masked_pixel_loss::patches"), rows(space, patches.extent(0)),
                         PatchLoss<Space, T>{prediction, patches, removed, options.normalise, losses});
  }
  Kokkos::parallel_for(KRATE_LABEL("krate::masked_pixel_loss::sum"), rows(space, 1),
                       SumPatchLosses<Space>{losses, options.scale, loss});
}

template <class Space, class T>
void PixelLoss<Space, T>::backward(Space const& space, ConstTensor3<T, Space> prediction, ConstMatrix<T, Space> patches,
                                   ConstMatrix<bool, Space> removed, PixelLossOptions const& options,
                                   Tensor3<T, Space> dprediction, Matrix<T, Space> dpatches) {
  if (dprediction.size() == 0) return;
  Kokkos::parallel_for(KRATE_LABEL("krate::masked_pixel_loss::gradient"),
                       rows(space, dprediction.extent(0) * dprediction.extent(1)),
                       PatchLossGradient<Space, T>{prediction, patches, removed, options.normalise,
                                                   static_cast<T>(2 * options.scale), dprediction, dpatches});
}

}  // namespace krate::impl
