// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/host_matrix.hpp"

namespace krate::models {

/// Adam on frames of d orthonormal rows, canonical metric: one second moment for the whole matrix, and Cayley's map for
/// both the step and the transport of the first moment. Source: geoopt's RiemannianAdam; rate 1.
class StiefelAdam {
 public:
  /// Moves u [d, D] against the gradient in ordinary coordinates.
  /// @return sum of the squared changes of u's entries
  double step(HostMatrix& u, HostMatrix const& gradient);

 private:
  HostMatrix direction_{};  ///< [2 d, D] the step, then u, before it
  HostMatrix first_{};
  double second_ = 0;
  int steps_ = 0;
};

}  // namespace krate::models
