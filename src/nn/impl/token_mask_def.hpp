// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/nn/token_mask.hpp"

namespace krate::impl {

/// One work item a patch: its rank among those of its sample.
template <class Space, class T>
struct RankNoise {
  ConstMatrix<T, Space> noise;
  std::int64_t keep;
  Matrix<bool, Space> removed;
  KOKKOS_FUNCTION void operator()(std::int64_t item) const {
    auto const patches = static_cast<std::int64_t>(noise.extent(1));
    std::int64_t const b = item / patches, i = item % patches;
    T const own = noise(b, i);
    std::int64_t before = 0;
    for (std::int64_t j = 0; j < patches; ++j) before += noise(b, j) < own || (noise(b, j) == own && j < i);
    removed(b, i) = before >= keep;
  }
};

template <class Space, class T>
struct DrawNoise {
  Random random;
  ConstVector<std::size_t, Space> numbers;
  Matrix<T, Space> noise;
  KOKKOS_FUNCTION void operator()(std::int64_t item) const {
    auto const patches = static_cast<std::int64_t>(noise.extent(1));
    std::int64_t const b = item / patches, i = item % patches;
    noise(b, i) = static_cast<T>(random.uniform(numbers(b) * static_cast<std::uint64_t>(patches) + i));
  }
};

template <class Space, class T>
void TokenMask<Space, T>::of_noise(Space const& space, ConstMatrix<T, Space> noise, std::size_t keep,
                                   Matrix<bool, Space> removed) {
  Kokkos::parallel_for(KRATE_LABEL("krate::mask_of_noise"), elements(space, noise.size()),
                       RankNoise<Space, T>{noise, static_cast<std::int64_t>(keep), removed});
}

template <class Space, class T>
void TokenMask<Space, T>::draw(Space const& space, Random random, ConstVector<std::size_t, Space> numbers,
                               Matrix<T, Space> noise) {
  Kokkos::parallel_for(KRATE_LABEL("krate::draw_noise"), elements(space, noise.size()),
                       DrawNoise<Space, T>{random, numbers, noise});
}

}  // namespace krate::impl
