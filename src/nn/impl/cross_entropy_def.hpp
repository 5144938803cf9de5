// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/label.hpp"
#include "krate/nn/cross_entropy.hpp"
#include "linalg/impl/row_sum.hpp"

namespace krate::impl {

/// One team a row.
template <class Space, class T>
struct RowCrossEntropy {
  ConstMatrix<T, Space> logits;
  ConstVector<Label, Space> labels;
  double smoothing;
  bool ignores;
  CrossEntropyScratch<Space> rows;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const r = team.league_rank();
    auto const classes = static_cast<std::int64_t>(logits.extent(1));
    std::int64_t const label = labels(r);
    bool const known = label >= 0 && label < classes;
    // Everything below is relative to the largest logit.
    T const largest = row_max<T>(team, classes, [&](std::int64_t c) { return logits(r, c); });
    T const sum = row_sum<T>(team, classes, [&](std::int64_t c) { return Kokkos::exp(logits(r, c) - largest); });
    T total = 0;  // without smoothing a logit of minus infinity is legitimate
    if (smoothing > 0) {
      total = row_sum<T>(team, classes, [&](std::int64_t c) { return logits(r, c) - largest; });
    }
    T const target = known ? logits(r, label) : largest;
    int const ahead = row_sum<int>(team, classes, [&](std::int64_t c) {
      return c < label ? !(logits(r, c) < target) : c > label ? !(logits(r, c) <= target) : 0;
    });
    Kokkos::single(Kokkos::PerTeam(team), [&]() {
      double const loss = Kokkos::log(static_cast<double>(sum)) -
                          (1 - smoothing) * static_cast<double>(target - largest) -
                          smoothing * static_cast<double>(total) / static_cast<double>(classes);
      rows.loss(r) = known ? loss : ignores && label < 0 ? 0 : Kokkos::Experimental::quiet_NaN_v<double>;
      rows.correct(r) = known && ahead == 0;
    });
  }
};

/// One team in all.
template <class Space>
struct SumCrossEntropy {
  CrossEntropyScratch<Space> rows;
  double scale;
  Value<double, Space> loss;
  Value<std::int64_t, Space> correct;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const count = static_cast<std::int64_t>(rows.loss.extent(0));
    double const sum = row_sum<double>(team, count, [&](std::int64_t r) { return rows.loss(r); });
    std::int64_t const hits = row_sum<std::int64_t>(team, count, [&](std::int64_t r) { return rows.correct(r); });
    Kokkos::single(Kokkos::PerTeam(team), [&]() {
      loss() = scale * sum;
      correct() = hits;
    });
  }
};

/// One team a row.
template <class Space, class T>
struct CrossEntropyGradient {
  ConstMatrix<T, Space> logits;
  ConstVector<Label, Space> labels;
  T smoothing, scale;
  bool ignores;
  Matrix<T, Space> dlogits;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const r = team.league_rank();
    auto const classes = static_cast<std::int64_t>(logits.extent(1));
    std::int64_t const label = labels(r);
    if (ignores && label < 0) {
      Kokkos::parallel_for(Kokkos::TeamVectorRange(team, classes), [&](std::int64_t c) { dlogits(r, c) = 0; });
      return;
    }
    T const factor = label >= 0 && label < classes ? scale : Kokkos::Experimental::quiet_NaN_v<T>;
    T const largest = row_max<T>(team, classes, [&](std::int64_t c) { return logits(r, c); });
    T const sum = row_sum<T>(team, classes, [&](std::int64_t c) { return Kokkos::exp(logits(r, c) - largest); });
    T const others = smoothing / T(classes);
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, classes), [&](std::int64_t c) {
      T const target = c == label ? (T(1) - smoothing) + others : others;
      dlogits(r, c) = factor * (Kokkos::exp(logits(r, c) - largest) / sum - target);
    });
  }
};

template <class Space, class T>
void CrossEntropy<Space, T>::forward(Space const& space, ConstMatrix<T, Space> logits, ConstVector<Label, Space> labels,
                                     CrossEntropyOptions const& options, Workspace<Space> work,
                                     Value<double, Space> loss, Value<std::int64_t, Space> correct) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::cross_entropy"));
  CrossEntropyScratch<Space> const scratch(work, logits.extent(0));
  if (logits.extent(0) > 0) {
    Kokkos::parallel_for(
        KRATE_LABEL("krate::cross_entropy::rows"), rows(space, logits.extent(0)),
        RowCrossEntropy<Space, T>{logits, labels, options.label_smoothing, options.ignore_negative, scratch});
  }
  Kokkos::parallel_for(KRATE_LABEL("krate::cross_entropy::sum"), rows(space, 1),
                       SumCrossEntropy<Space>{scratch, options.scale, loss, correct});
}

template <class Space, class T>
void CrossEntropy<Space, T>::backward(Space const& space, ConstMatrix<T, Space> logits,
                                      ConstVector<Label, Space> labels, CrossEntropyOptions const& options,
                                      Matrix<T, Space> dlogits) {
  if (logits.extent(0) == 0) return;
  Kokkos::parallel_for(KRATE_LABEL("krate::cross_entropy::gradient"), rows(space, logits.extent(0)),
                       CrossEntropyGradient<Space, T>{logits, labels, static_cast<T>(options.label_smoothing),
                                                      static_cast<T>(options.scale), options.ignore_negative, dlogits});
}

}  // namespace krate::impl
