// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <string>

#include "krate/core/error.hpp"
#include "krate/linalg/impl/cholesky_decl.hpp"

namespace krate::impl {

void throw_not_definite(char const* where, NumericalStatus const& status) {
  throw NumericalError(where, "matrix " + std::to_string(status.matrix()) + " is not positive definite at pivot " +
                                  std::to_string(status.pivot()) +
                                  " (NaN or infinite input, or rounding); look for NaN, normalise the rows or raise "
                                  "eps_squared");
}

}  // namespace krate::impl
