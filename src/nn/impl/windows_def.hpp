// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/nn/windows.hpp"

namespace krate::impl {

/// One team a window.
template <class Space, class T>
struct GatherWindows {
  Pixels<T const, Space> pixels;
  Matrix<T, Space> windows;
  int rows, columns;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const r = team.league_rank();
    auto const b = r / (rows * columns), i = r / columns % rows, j = r % columns;
    int const height = static_cast<int>(pixels.extent(2)), width = static_cast<int>(pixels.extent(3));
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(windows.extent(1))), [&](int k) {
      int const y = 2 * i + k % 9 / 3 - 1, x = 2 * j + k % 3 - 1;
      bool const inside = y >= 0 && y < height && x >= 0 && x < width;
      windows(r, k) = inside ? pixels(b, k / 9, y, x) : T(0);
    });
  }
};

/// One team a pixel of all channels.
template <class Space, class T>
struct SpreadWindows {
  ConstMatrix<T, Space> dwindows;
  Pixels<T, Space> dpixels;
  int rows, columns;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    int const height = static_cast<int>(dpixels.extent(2)), width = static_cast<int>(dpixels.extent(3));
    auto const r = team.league_rank();
    auto const b = r / (height * width);
    int const y = static_cast<int>(r / width % height), x = static_cast<int>(r % width);
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(dpixels.extent(1))), [&](int c) {
      T sum = 0;
      for (int v = (y + 1) % 2; v < 3; v += 2) {
        int const i = (y + 1 - v) / 2;
        if (i < 0 || i >= rows) continue;
        for (int u = (x + 1) % 2; u < 3; u += 2) {
          int const j = (x + 1 - u) / 2;
          if (j >= 0 && j < columns) sum += dwindows((b * rows + i) * columns + j, 9 * c + 3 * v + u);
        }
      }
      dpixels(b, c, y, x) = sum;
    });
  }
};

template <class Space, class T>
void Windows<Space, T>::forward(Space const& space, Pixels<T const, Space> pixels, Matrix<T, Space> windows) {
  if (windows.size() == 0) return;
  Kokkos::parallel_for(KRATE_LABEL("krate::gather_windows"), rows(space, windows.extent(0)),
                       GatherWindows<Space, T>{pixels, windows, static_cast<int>(windows_along(pixels.extent(2))),
                                               static_cast<int>(windows_along(pixels.extent(3)))});
}

template <class Space, class T>
void Windows<Space, T>::backward(Space const& space, ConstMatrix<T, Space> dwindows, Pixels<T, Space> dpixels) {
  if (dpixels.size() == 0) return;
  Kokkos::parallel_for(KRATE_LABEL("krate::gather_windows_backward"),
                       rows(space, dpixels.extent(0) * dpixels.extent(2) * dpixels.extent(3)),
                       SpreadWindows<Space, T>{dwindows, dpixels, static_cast<int>(windows_along(dpixels.extent(2))),
                                               static_cast<int>(windows_along(dpixels.extent(3)))});
}

}  // namespace krate::impl
