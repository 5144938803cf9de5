// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/require.hpp"
#include "krate/core/types.hpp"
#include "krate/linalg/impl/log_det_decl.hpp"

namespace krate {

/// Logarithms of the determinants of L L^T for a batch of Cholesky factors: 2 sum_i log L_ii.
/// @param l  [batch, n, n] LayoutRight, as batched_cholesky() leaves it     @param result  [batch]
/// @throws ShapeError if extents disagree
/// @note allocates: no; fences: no; bitwise repeatable: yes. An empty matrix gives 0.
template <class Space, class L, class Result>
void batched_log_det(Space const& space, L const& l, Result const& result) {
  using T = typename Result::value_type;
  require_shape("krate::batched_log_det", "l", l, {l.extent(0), l.extent(1), l.extent(1)}, "square matrices");
  require_shape("krate::batched_log_det", "result", result, {l.extent(0)}, "one number a matrix");
  impl::LogDet<Space, T>::run(space, as_tensor3<Space>(l), as_vector<Space>(result));
}

/// The same for one matrix [n, n], contiguous; the result is a rank-0 View. @throws as batched_log_det()
template <class Space, class L, class Result>
void log_det(Space const& space, L const& l, Result const& result) {
  using T = typename Result::value_type;
  require_shape("krate::log_det", "l", l, {l.extent(0), l.extent(0)}, "a square matrix");
  impl::LogDet<Space, T>::run(space, ConstTensor3<T, Space>(l.data(), 1, l.extent(0), l.extent(1)),
                              Vector<T, Space>(result.data(), 1));
}

}  // namespace krate
