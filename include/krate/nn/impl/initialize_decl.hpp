// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/random.hpp"
#include "krate/core/types.hpp"

namespace krate::impl {

template <class Space, class T>
struct Initialize {
  static void uniform(Space const& space, Vector<T, Space> v, double bound, Seed seed, std::uint32_t stream);
  static void normal(Space const& space, Vector<T, Space> v, double deviation, Seed seed, std::uint32_t stream);
};

}  // namespace krate::impl
