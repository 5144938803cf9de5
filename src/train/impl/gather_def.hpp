// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/train/impl/gather_decl.hpp"
#include "train/impl/crop.hpp"

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

/// The random numbers of an epoch, each use its own.
struct MoveNumbers {
  Random shift, flip, crop;
  MoveNumbers(Seed seed, std::uint32_t epoch)
      : shift(seed, 0x53484946, epoch),
        flip(seed, 0x464c4950, epoch),
        crop(seed, 0x43524f50, epoch) {}  // "SHIF" and so on
};

/// One team a sample.
template <class Space, class T>
struct MoveOne {
  ConstTensor4<T, Space> images;
  ConstVector<std::size_t, Space> numbers;
  ConstVector<T, Space> background;
  MoveNumbers random;
  Moves moves;
  Tensor4<T, Space> out;

  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const i = team.league_rank();
    int const height = static_cast<int>(out.extent(2)), width = static_cast<int>(out.extent(3));
    int const choices = 2 * moves.shift + 1;
    int const down = static_cast<int>(random.shift.below(2 * numbers(i), choices)) - moves.shift;
    int const right = static_cast<int>(random.shift.below(2 * numbers(i) + 1, choices)) - moves.shift;
    bool const mirrored = moves.flip && random.flip.below(numbers(i), 2) == 1;
    Box const box = moves.crop ? draw_box(random.crop, numbers(i), height, width) : Box{0, 0, height, width};
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(out.extent(1)) * height * width), [&](int e) {
      int const c = e / (height * width), y = e / width % height, x = e % width;
      int const from_y = y - down, from_x = x - right;
      bool const inside = from_y >= 0 && from_y < height && from_x >= 0 && from_x < width;
      int const column = mirrored ? width - 1 - from_x : from_x;
      out(i, c, y, x) = !inside      ? background(c)
                        : moves.crop ? between(i, c, place_of(from_y, height, box.top, box.height),
                                               place_of(column, width, box.left, box.width))
                                     : images(i, c, from_y, column);
    });
  }
  KOKKOS_FUNCTION T between(int i, int c, Between const& row, Between const& column) const {
    auto const along = [&](int y) {
      return (1 - column.weight) * static_cast<double>(images(i, c, y, column.first)) +
             column.weight * static_cast<double>(images(i, c, y, column.second));
    };
    return static_cast<T>((1 - row.weight) * along(row.first) + row.weight * along(row.second));
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
void SampleKernels<Space, T>::move(Space const& space, ConstTensor4<T, Space> images,
                                   ConstVector<std::size_t, Space> numbers, ConstVector<T, Space> background, Seed seed,
                                   std::uint32_t epoch, Moves moves, Tensor4<T, Space> out) {
  Kokkos::parallel_for(KRATE_LABEL("krate::train::move"), rows(space, images.extent(0)),
                       MoveOne<Space, T>{images, numbers, background, MoveNumbers(seed, epoch), moves, out});
}

}  // namespace krate::impl
