// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <string>

#include "krate/core/require.hpp"
#include "krate/linalg/impl/gemm_decl.hpp"

namespace krate::impl {

bool is_transposed(char const* where, char const* trans) {
  bool const known = trans && (trans[0] == 'N' || trans[0] == 'T') && trans[1] == '\0';
  require_value(known, where, "transposition", trans ? trans : "null", "must be \"N\" or \"T\"");
  return trans[0] == 'T';
}

}  // namespace krate::impl
