// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <string>

#include "krate/attention/impl/token_statistics_decl.hpp"

namespace krate::impl {

void check_tssa(char const* where, std::size_t columns, std::size_t tokens, TssaOptions const& options,
                std::size_t bias_rows, std::size_t bias_columns) {
  require_value(options.heads > 0 && columns % options.heads == 0, where, "heads", options.heads,
                "must divide the columns of w (heads * head_dim)");
  if (bias_rows == 0) return;
  require_value(options.mask == Mask::causal, where, "position_bias.extent(0)", bias_rows,
                "must be 0 without a causal mask; only causal attention has a bias of positions");
  if (bias_rows != options.heads || bias_columns < tokens) {
    throw ShapeError(where, "position_bias has shape [" + std::to_string(bias_rows) + ", " +
                                std::to_string(bias_columns) + "], expected [" + std::to_string(options.heads) + ", " +
                                std::to_string(tokens) + "] (heads by at least the tokens), or [0, 0] for none");
  }
}

}  // namespace krate::impl
