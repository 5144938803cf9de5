// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/host_matrix.hpp"

namespace krate::models {

/// Adam on frames U [D, d] with U^T U = 1, canonical metric: one second moment for the whole matrix, and Cayley's map
/// for both the step and the transport of the first moment. Source: geoopt's RiemannianAdam; rate 1.
class StiefelAdam {
 public:
  /// Moves u against the gradient in ordinary coordinates.
  /// @return root of the mean squared change of u's entries
  double step(HostMatrix& u, HostMatrix const& gradient);

 private:
  HostMatrix first_{};
  double second_ = 0;
  int steps_ = 0;
};

}  // namespace krate::models
