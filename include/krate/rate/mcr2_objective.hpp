// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cmath>

#include "krate/core/require.hpp"

namespace krate {

/// Maximal coding rate reduction as a training objective, see mcr2_loss().
struct Mcr2Objective {
  double eps_squared = 0.5;  ///< squared distortion, positive
  /// Weight of half the squared Frobenius norm of the features; 0: they are scaled to unit length instead.
  double frobenius = 0;

  /// @throws ValueError from `where` for numbers that cannot work
  void validate(char const* where) const {
    require_value(eps_squared > 0 && std::isfinite(eps_squared), where, "eps_squared", eps_squared,
                  "must be positive and finite; MCR2 uses 0.5");
    require_value(frobenius >= 0 && std::isfinite(frobenius), where, "frobenius", frobenius,
                  "must not be negative; 0 means features of unit length");
  }
  bool operator==(Mcr2Objective const&) const = default;
};

}  // namespace krate
