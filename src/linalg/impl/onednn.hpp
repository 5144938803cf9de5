// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Large products of float matrices by oneDNN, with what is to be done to each element before it is stored. Preparing
// one takes half a millisecond (code is written for its shape), so each host thread keeps those it used last. Nothing
// of Kokkos is in here: nvcc cannot read oneDNN's header, so the file that does is the host compiler's alone.
#pragma once

#include <cstddef>

#include "krate_build.hpp"
#include "linalg/impl/operand.hpp"

namespace krate::impl {

/// C = f(alpha A B + bias + shift + addend), f = max(0, .) if `rectify`. C is row-major.
struct OnednnProduct {
  std::size_t rows, columns, inner;
  Operand a, b, c;
  float alpha = 1, shift = 0;  ///< with a bias, alpha is 1
  bool bfloat16 = false;       ///< of A and B, else they are float
  bool bias = false, rectify = false;
  enum class Addend {
    none,
    result,
    matrix
  } addend = Addend::none;  ///< C itself, or a matrix that is laid out as `extra`
  Operand extra = {};
  bool operator==(OnednnProduct const&) const = default;
};

struct OnednnOperands {
  void const *a, *b;
  float const *bias, *addend;
  float* c;
};

/// A product that is ready to run, until the next one is asked for.
class OnednnPlan;

#if KRATE_HAVE_ONEDNN
/// None where another library is faster (small products, few rows or columns), where oneDNN has no code for it or the
/// processor, or inside a parallel region.
OnednnPlan* onednn_plan(OnednnProduct const& product);
/// Runs on the OpenMP threads of the caller. @throws Error if oneDNN reports one
void onednn_run(OnednnPlan& plan, OnednnOperands const& operands);
#endif

}  // namespace krate::impl
