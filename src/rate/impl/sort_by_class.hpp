// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A counting sort of samples by label, stable, in a fixed number of chunks and without atomics.
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/rate/impl/class_coding_rate_decl.hpp"

namespace krate::impl {

template <class Space>
struct ClassOf {
  ConstVector<Label, Space> labels;
  std::int64_t classes;
  KOKKOS_FUNCTION std::int64_t operator()(std::int64_t i) const {
    std::int64_t const label = labels(i);
    return label >= 0 && label < classes ? label : classes;
  }
  KOKKOS_FUNCTION std::int64_t first(std::int64_t chunk) const {
    return static_cast<std::int64_t>(labels.extent(0)) * chunk / static_cast<std::int64_t>(ClassOrder<Space>::chunks);
  }
};

/// One work item a chunk of samples.
template <class Space>
struct CountLabels {
  ClassOf<Space> class_of;
  Matrix<std::int64_t, Space> place;
  KOKKOS_FUNCTION void operator()(std::int64_t chunk) const {
    for (std::int64_t k = 0; k <= class_of.classes; ++k) place(chunk, k) = 0;
    for (std::int64_t i = class_of.first(chunk); i < class_of.first(chunk + 1); ++i) ++place(chunk, class_of(i));
  }
};

/// Counts become places, class by class and within a class chunk by chunk.
template <class Space>
struct FindPlaces {
  ClassOrder<Space> sorted;
  std::int64_t classes, dim;
  Vector<std::int64_t, Space> factor_begin;  ///< empty where there are no factors
  KOKKOS_FUNCTION void operator()(std::int64_t) const {
    std::int64_t next = 0, factor = 0;
    for (std::int64_t k = 0; k <= classes; ++k) {
      sorted.begin(k) = next;
      for (std::int64_t chunk = 0; chunk < static_cast<std::int64_t>(sorted.place.extent(0)); ++chunk) {
        std::int64_t const count = sorted.place(chunk, k);
        sorted.place(chunk, k) = next;
        next += count;
      }
      if (k == classes || !factor_begin.data()) continue;
      std::int64_t const count = next - sorted.begin(k), side = count < dim ? count : dim;
      factor_begin(k) = factor;
      factor += side * side;
    }
    sorted.begin(classes + 1) = next;
  }
};

template <class Space>
struct PlaceSamples {
  ClassOf<Space> class_of;
  Matrix<std::int64_t, Space> place;
  Vector<std::int64_t, Space> order;
  KOKKOS_FUNCTION void operator()(std::int64_t chunk) const {
    for (std::int64_t i = class_of.first(chunk); i < class_of.first(chunk + 1); ++i)
      order(place(chunk, class_of(i))++) = i;
  }
};

/// One team a sample.
template <class Space, class T, class S = double>
struct GatherRows {
  ConstStrided<T, Space> z;
  ConstVector<std::int64_t, Space> order;
  Matrix<S, Space> sorted;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const i = team.league_rank(), row = order(i);
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(sorted.extent(1))),
                         [&](int j) { sorted(i, j) = static_cast<S>(z(row, j)); });
  }
};

/// @param factor_begin  [classes], where matrices of side min(n_k, dim) begin; or empty
template <class Space>
void sort_by_class(Space const& space, ConstVector<Label, Space> labels, ClassOrder<Space> const& sorted,
                   std::int64_t dim, Vector<std::int64_t, Space> factor_begin) {
  constexpr std::size_t chunks = ClassOrder<Space>::chunks;
  std::int64_t const classes = static_cast<std::int64_t>(sorted.begin.extent(0)) - 2;
  ClassOf<Space> const class_of{labels, classes};
  Kokkos::parallel_for(KRATE_LABEL("krate::class_coding_rate::count"), elements(space, chunks),
                       CountLabels<Space>{class_of, sorted.place});
  Kokkos::parallel_for(KRATE_LABEL("krate::class_coding_rate::find_places"), elements(space, 1),
                       FindPlaces<Space>{sorted, classes, dim, factor_begin});
  Kokkos::parallel_for(KRATE_LABEL("krate::class_coding_rate::place"), elements(space, chunks),
                       PlaceSamples<Space>{class_of, sorted.place, sorted.order});
}

}  // namespace krate::impl
