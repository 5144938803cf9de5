// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/attention/impl/newest_token_decl.hpp"
#include "krate/core/require.hpp"

namespace krate {

/// Bytes that attend_newest_token() needs.
template <class Space, class T>
std::size_t newest_token_workspace(std::size_t batch, std::size_t context, std::size_t heads) {
  return measure<Space>([&](auto& work) { work.template take<T>(batch, heads, context); });
}

/// The row of causal subspace_attention() that belongs to the newest token, from the projections of all tokens so far:
///     out_k = softmax(s w_k W_k^T) W_k      (w the last row of W, s = head_dim^-1/2)
/// Queries, keys and values are one, so W is all that generation keeps of a layer: half of what others keep.
/// Source: Yu et al. 2023 (CRATE), SSA; section "language models" of the authors' book for the causal form.
/// @param projected  [context, batch, heads * head_dim]: W, tokens first
/// @param position   of the newest token; rows behind it are not read
/// @param work       newest_token_workspace<Space, T>(batch, context, heads) bytes
/// @param out        [batch, heads * head_dim]
/// @throws ShapeError if extents disagree; ValueError if heads does not divide the columns, the position lies outside
///         the context, or the workspace is too small
/// @note allocates: no; fences: no; bitwise repeatable: yes, for any number of threads
template <class Space, class W, class Out>
void attend_newest_token(Space const& space, W const& projected, std::size_t position, std::size_t heads,
                         Workspace<Space> work, Out const& out) {
  using T = typename Out::value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::attend_newest_token";
  require_value(heads > 0 && projected.extent(2) % heads == 0, where, "heads", heads,
                "must divide the columns of projected");
  require_value(position < projected.extent(0), where, "position", position, "must lie inside the context");
  std::size_t const batch = projected.extent(1), columns = projected.extent(2);
  require_shape(where, "out", out, {batch, columns}, "one row a sample");
  ConstTensor3<T, Space> const context = as_tensor3<Space>(projected);
  ConstMatrix<T, Space> const newest(context.data() + position * batch * columns, batch, columns);
  impl::NewestToken<Space, T>::attend(space, newest, context, 0, position, heads, work, as_matrix<Space>(out));
}

/// The row of causal multi_head_attention() that belongs to the newest token, from its query and the keys and values of
/// all tokens so far.
/// @param queries  [batch, heads * head_dim]
/// @param context  [context, batch, 2 * heads * head_dim]: keys, then values; tokens first, rows behind `position` are
///                 not read
/// @param work,out  as above
/// @throws as above     @note allocates: no; fences: no; bitwise repeatable: yes, for any number of threads
template <class Space, class Queries, class Context, class Out>
void attend_newest_token(Space const& space, Queries const& queries, Context const& context, std::size_t position,
                         std::size_t heads, Workspace<Space> work, Out const& out) {
  using T = typename Out::value_type;
  constexpr char const* where = "krate::attend_newest_token";
  std::size_t const batch = queries.extent(0), columns = queries.extent(1);
  require_value(heads > 0 && columns % heads == 0, where, "heads", heads, "must divide the columns of queries");
  require_value(position < context.extent(0), where, "position", position, "must lie inside the context");
  require_shape(where, "context", context, {context.extent(0), batch, 2 * columns}, "keys and values of each sample");
  require_shape(where, "out", out, {batch, columns}, "same shape as queries");
  impl::NewestToken<Space, T>::attend(space, as_matrix<Space>(queries), as_tensor3<Space>(context), columns, position,
                                      heads, work, as_matrix<Space>(out));
}

}  // namespace krate
