// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

namespace krate::impl {

/// A strided matrix as BLAS sees it: `normal` if rows are contiguous, else columns are; the other stride is the leading
/// dimension. Not `good` if neither stride is 1 or a size exceeds int.
struct Operand {
  bool good, normal;
  int leading;
  bool operator==(Operand const&) const = default;
};

}  // namespace krate::impl
