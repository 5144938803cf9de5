// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cmath>
#include <cstdint>

#include "krate/core/require.hpp"
#include "krate/linalg/route.hpp"

namespace krate {

struct RateOptions {
  double eps_squared = 0;          ///< squared distortion, positive; papers write epsilon^2
  std::int64_t samples = 0;        ///< n in alpha: the count over all ranks; 0: the rows of z
  Route route = Route::automatic;  ///< which code runs products and factorizations
};

struct ClassRateOptions {
  double eps_squared = 0;          ///< squared distortion, positive
  std::size_t classes = 0;         ///< labels are 0 .. classes - 1
  Route route = Route::automatic;  ///< which code runs products and factorizations
};

struct SoftRateOptions {
  double eps_squared = 0;          ///< squared distortion, positive
  Route route = Route::automatic;  ///< which code runs products and factorizations
};

struct SubspaceRateOptions {
  double eps_squared = 0;          ///< squared distortion, positive
  std::size_t heads = 1;           ///< number of subspaces; rows of U are grouped by head
  Route route = Route::automatic;  ///< which code runs products and factorizations
};

namespace impl {

inline void require_eps_squared(char const* where, double eps_squared) {
  require_value(eps_squared > 0 && std::isfinite(eps_squared), where, "eps_squared", eps_squared,
                "must be positive and finite; rows of unit length usually take 0.01 to 0.5");
}

}  // namespace impl
}  // namespace krate
