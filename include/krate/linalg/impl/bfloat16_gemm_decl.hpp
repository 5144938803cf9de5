// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/workspace.hpp"
#include "krate/linalg/impl/gemm_epilogue_decl.hpp"

namespace krate::impl {

template <class Space, class T>
struct Bfloat16Gemm {
  static void run(Space const& space, ConstStrided<T, Space> a, ConstStrided<T, Space> b,
                  Epilogue<Space, T> const& epilogue, Matrix<T, Space> c, Workspace<Space> work);
};

}  // namespace krate::impl
