// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/nn/initialize.hpp"

namespace krate::impl {

template <class Space, class T>
struct FillUniform {
  Vector<T, Space> v;
  double bound;
  Random random;
  KOKKOS_FUNCTION void operator()(std::int64_t k) const {
    v(k) = static_cast<T>(bound * (2 * random.uniform(static_cast<std::uint64_t>(k)) - 1));
  }
};

template <class Space, class T>
struct FillNormal {
  Vector<T, Space> v;
  double deviation;
  Random random;
  KOKKOS_FUNCTION void operator()(std::int64_t k) const {
    v(k) = static_cast<T>(deviation * random.normal(static_cast<std::uint64_t>(k)));
  }
};

template <class Space, class T>
void Initialize<Space, T>::uniform(Space const& space, Vector<T, Space> v, double bound, Seed seed,
                                   std::uint32_t stream) {
  Kokkos::parallel_for(KRATE_LABEL("krate::initialize::uniform"), elements(space, v.size()),
                       FillUniform<Space, T>{v, bound, Random(seed, stream)});
}

template <class Space, class T>
void Initialize<Space, T>::normal(Space const& space, Vector<T, Space> v, double deviation, Seed seed,
                                  std::uint32_t stream) {
  Kokkos::parallel_for(KRATE_LABEL("krate::initialize::normal"), elements(space, v.size()),
                       FillNormal<Space, T>{v, deviation, Random(seed, stream)});
}

}  // namespace krate::impl
