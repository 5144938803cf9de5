// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/require.hpp"
#include "krate/core/workspace.hpp"
#include "krate/linalg/impl/row_reduce_decl.hpp"

namespace krate {

/// Bytes that column_sums() needs.
template <class Space, class T>
std::size_t column_sums_workspace(std::size_t features) {
  return measure<Space>([&](auto& work) { work.template take<T>(impl::row_chunks, features); });
}

/// sums += x^T 1: adds the sum of each column of x [rows, features] to sums [features].
/// @param work  column_sums_workspace<Space, T>(features) bytes
/// @throws ShapeError if extents disagree; ValueError if the workspace is too small
/// @note allocates: no; fences: no; bitwise repeatable: yes, for any number of threads
template <class Space, class X, class Sums>
void column_sums(Space const& space, X const& x, Workspace<Space> work, Sums const& sums) {
  using T = typename Sums::value_type;
  require_shape("krate::column_sums", "sums", sums, {x.extent(1)}, "one number a column of x");
  auto const partial = work.template take<T>(impl::row_chunks, x.extent(1));
  impl::RowReduce<Space, T>::column_sums(space, as_matrix<Space>(x), partial, as_vector<Space>(sums));
}

}  // namespace krate
