// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <string>

#include "krate/attention/impl/mssa_decl.hpp"
#include "krate/core/require.hpp"

namespace krate::impl {

void check_mssa(char const* where, std::size_t inner, std::size_t heads, std::size_t dim, std::size_t output_rows,
                std::size_t output_columns, std::size_t bias) {
  require_value(heads > 0 && inner % heads == 0, where, "heads", heads,
                "must divide the rows of the projection (heads * head_dim)");
  bool const mapped = output_rows > 0;
  if (mapped ? (output_rows != dim || output_columns != inner) : inner != dim) {
    throw ShapeError(where, "output has shape [" + std::to_string(output_rows) + ", " + std::to_string(output_columns) +
                                "], expected [" + std::to_string(dim) + ", " + std::to_string(inner) +
                                "] (dim by heads * head_dim), or [0, 0] for no output map where both are equal");
  }
  require_value(bias == 0 || (bias == dim && mapped), where, "bias.extent(0)", bias,
                "must be dim, or 0 for no bias; without an output map there is none");
}

}  // namespace krate::impl
