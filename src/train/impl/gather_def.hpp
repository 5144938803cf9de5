// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/train/impl/gather_decl.hpp"

namespace krate::impl {

/// One team a sample.
template <class Space, class T>
struct CopySamples {
  ConstTensor4<T, Space> images;
  ConstVector<Label, Space> labels;
  ConstVector<std::size_t, Space> chosen;
  Tensor4<T, Space> out;
  Vector<Label, Space> out_labels;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const i = team.league_rank();
    int const size = static_cast<int>(out.extent(1) * out.extent(2) * out.extent(3));
    T const* const from = images.data() + chosen(i) * size;
    T* const to = out.data() + i * size;
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, size), [&](int e) { to[e] = from[e]; });
    Kokkos::single(Kokkos::PerTeam(team), [&]() { out_labels(i) = labels(chosen(i)); });
  }
};

template <class Space, class T>
struct ShiftOne {
  ConstTensor4<T, Space> images;
  ConstVector<std::size_t, Space> numbers;
  ConstVector<T, Space> background;
  Random random;
  int most;
  Tensor4<T, Space> out;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const i = team.league_rank();
    int const height = static_cast<int>(out.extent(2)), width = static_cast<int>(out.extent(3));
    int const choices = 2 * most + 1;
    int const down = static_cast<int>(random.below(2 * numbers(i), choices)) - most;
    int const right = static_cast<int>(random.below(2 * numbers(i) + 1, choices)) - most;
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(out.extent(1)) * height * width), [&](int e) {
      int const c = e / (height * width), y = e / width % height, x = e % width;
      int const from_y = y - down, from_x = x - right;
      bool const inside = from_y >= 0 && from_y < height && from_x >= 0 && from_x < width;
      out(i, c, y, x) = inside ? images(i, c, from_y, from_x) : background(c);
    });
  }
};

template <class Space, class T>
void SampleKernels<Space, T>::gather(Space const& space, ConstTensor4<T, Space> images,
                                     ConstVector<Label, Space> labels, ConstVector<std::size_t, Space> chosen,
                                     Tensor4<T, Space> out, Vector<Label, Space> out_labels) {
  Kokkos::parallel_for(KRATE_LABEL("krate::train::gather"), rows(space, chosen.extent(0)),
                       CopySamples<Space, T>{images, labels, chosen, out, out_labels});
}

template <class Space, class T>
void SampleKernels<Space, T>::shift(Space const& space, ConstTensor4<T, Space> images,
                                    ConstVector<std::size_t, Space> numbers, ConstVector<T, Space> background,
                                    Random random, int most, Tensor4<T, Space> out) {
  Kokkos::parallel_for(KRATE_LABEL("krate::train::shift"), rows(space, images.extent(0)),
                       ShiftOne<Space, T>{images, numbers, background, random, most, out});
}

}  // namespace krate::impl
