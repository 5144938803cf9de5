// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/attention/impl/mssa_decl.hpp"
#include "krate/core/arena.hpp"
#include "krate/core/require.hpp"

namespace krate {

/// What mssa() leaves for mssa_backward().
template <class Space, class T>
struct MssaSaved {
  Tensor3<T, Space> projected;  ///< [batch, tokens, heads * head_dim]: W = x U^T
  Tensor3<T, Space> attended;   ///< [batch, tokens, heads * head_dim]: O
  SoftmaxRows<Space, T> rows;   ///< of each head's probabilities

  /// Takes these from a workspace, or measures them.
  template <class W>
  static MssaSaved cut(W& work, std::size_t batch, std::size_t tokens, std::size_t heads, std::size_t inner) {
    auto projected = work.template take<T>(batch, tokens, inner);
    auto attended = work.template take<T>(batch, tokens, inner);
    return {projected, attended, SoftmaxRows<Space, T>::cut(work, batch, heads, tokens)};
  }
};

/// Bytes that mssa() and mssa_backward() need; `inner` is heads * head_dim.
template <class Space, class T>
std::size_t mssa_workspace(std::size_t batch, std::size_t tokens, std::size_t inner, std::size_t dim,
                           MssaOptions const& options) {
  return impl::MssaKernels<Space, T>::forward_bytes(batch, tokens, inner, dim, options);
}
template <class Space, class T>
std::size_t mssa_backward_workspace(std::size_t batch, std::size_t tokens, std::size_t inner, std::size_t dim,
                                    MssaOptions const& options) {
  return impl::MssaKernels<Space, T>::backward_bytes(batch, tokens, inner, dim, options);
}

/// Multi-head subspace self-attention, the compression step of CRATE:
///     W = x U^T,   O_k = softmax(head_dim^-1/2 W_k W_k^T) W_k,   y = concat(O_k) B^T + b
/// Source: Yu et al. 2023 (CRATE), MSSA, eqs. 10 to 12 in row form; B is free, not tied to U (eq. 115).
/// @param x           [batch, tokens, dim], LayoutRight, contiguous
/// @param projection  U [heads * head_dim, dim]; rows k head_dim ... belong to head k
/// @param output      B [dim, heads * head_dim]; extents [0, 0]: no output map, y = O (then heads * head_dim = dim)
/// @param bias        b [dim] or [0] for none
/// @param work        mssa_workspace<Space, T>(batch, tokens, heads * head_dim, dim, options) bytes
/// @param saved       written, for the backward pass
/// @param y           [batch, tokens, dim], must not overlap x
/// @param mask        keys that a query does not see, as subspace_attention() has them
/// @param residual    [batch, tokens, dim], added to y; extents of 0: none
/// @throws ShapeError if extents disagree; ValueError if heads does not divide the rows of U or work is too small
/// @note allocates: no; fences: no; bitwise repeatable: yes; gradient: mssa_backward
template <class Space, class X, class U, class B, class Bias, class Y>
void mssa(Space const& space, X const& x, U const& projection, B const& output, Bias const& bias,
          MssaOptions const& options, Workspace<Space> work, MssaSaved<Space, typename Y::value_type> const& saved,
          Y const& y, AttentionMask<Space> const& mask = {},
          std::type_identity_t<ConstTensor3<typename Y::value_type, Space>> const& residual = {}) {
  using T = typename Y::value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::mssa";
  std::size_t const batch = x.extent(0), n = x.extent(1), dim = x.extent(2), inner = projection.extent(0);
  impl::check_mssa(where, inner, options.heads, dim, output.extent(0), output.extent(1), bias.extent(0));
  require_shape(where, "projection", projection, {inner, dim}, "dim is x.extent(2)");
  require_shape(where, "y", y, {batch, n, dim}, "same shape as x");
  if (residual.size() > 0) require_shape(where, "residual", residual, {batch, n, dim}, "same shape as y");
  require_shape(where, "saved.projected", saved.projected, {batch, n, inner}, "[batch, tokens, heads * head_dim]");
  require_shape(where, "saved.attended", saved.attended, {batch, n, inner}, "[batch, tokens, heads * head_dim]");
  impl::check_mask(where, mask, batch, n);
  impl::MssaKernels<Space, T>::forward(space, as_tensor3<Space>(x), as_matrix<Space>(projection),
                                       as_matrix<Space>(output), as_vector<Space>(bias), options, work, saved.projected,
                                       saved.attended, saved.rows, as_tensor3<Space>(y), mask, residual);
}

/// Gradient of mssa(): with dO = dy B and dW as subspace_attention_backward() has it, dx = dW U, dU += dW^T x,
/// dB += dy^T O, db += the sum of dy over batch and tokens.
/// @param saved  as mssa() left it     @param dy  [batch, tokens, dim]
/// @param work   mssa_backward_workspace<Space, T>(batch, tokens, heads * head_dim, dim, options) bytes
/// @param dx     [batch, tokens, dim], written; must not overlap the inputs
/// @param dprojection,doutput,dbias  shapes of U, B and b, added to
/// @param mask   as mssa() took it
/// @throws ShapeError if extents disagree; ValueError as mssa()
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class X, class U, class B, class DY, class DX, class DU, class DB, class DBias>
void mssa_backward(Space const& space, X const& x, U const& projection, B const& output, MssaOptions const& options,
                   MssaSaved<Space, typename DX::value_type> const& saved, DY const& dy, Workspace<Space> work,
                   DX const& dx, DU const& dprojection, DB const& doutput, DBias const& dbias,
                   AttentionMask<Space> const& mask = {}) {
  using T = typename DX::value_type;
  constexpr char const* where = "krate::mssa_backward";
  std::size_t const batch = x.extent(0), n = x.extent(1), dim = x.extent(2), inner = projection.extent(0);
  impl::check_mssa(where, inner, options.heads, dim, output.extent(0), output.extent(1), dbias.extent(0));
  require_shape(where, "projection", projection, {inner, dim}, "dim is x.extent(2)");
  require_shape(where, "dy", dy, {batch, n, dim}, "same shape as x");
  require_shape(where, "dx", dx, {batch, n, dim}, "same shape as x");
  require_shape(where, "dprojection", dprojection, {inner, dim}, "same shape as projection");
  require_shape(where, "doutput", doutput, {output.extent(0), output.extent(1)}, "same shape as output");
  impl::check_mask(where, mask, batch, n);
  impl::MssaKernels<Space, T>::backward(
      space, as_tensor3<Space>(x), as_matrix<Space>(projection), as_matrix<Space>(output), options, saved.projected,
      saved.attended, saved.rows, as_tensor3<Space>(dy), work, as_tensor3<Space>(dx), as_matrix<Space>(dprojection),
      as_matrix<Space>(doutput), as_vector<Space>(dbias), mask);
}

/// Sizes of an Mssa object.
struct MssaSize {
  std::size_t dim = 0, heads = 1;
  std::size_t head_dim = 0;  ///< 0: dim / heads
  std::size_t max_batch = 1, max_tokens = 0;
};

/// An MSSA layer that owns its workspace: forward() keeps what the next backward() needs.
/// @note allocates: in the constructor only; fences: no; bitwise repeatable: yes
template <class Space, class T>
class Mssa {
 public:
  /// @throws ValueError if heads is 0, or does not divide dim where head_dim is not given
  Mssa(Space const& space, MssaSize const& size) : size_(size) {
    require_value(size.heads > 0, "krate::Mssa", "heads", size.heads, "must be positive");
    if (size_.head_dim == 0) {
      require_value(size.dim % size.heads == 0, "krate::Mssa", "heads", size.heads,
                    "must divide dim; or give head_dim");
      size_.head_dim = size.dim / size.heads;
    }
    std::size_t const b = size.max_batch, n = size.max_tokens, inner = size.heads * size_.head_dim;
    auto measuring = Workspace<Space>::measuring();
    MssaSaved<Space, T>::cut(measuring, b, n, size.heads, inner);
    std::size_t const forward = mssa_workspace<Space, T>(b, n, inner, size.dim, {size.heads});
    std::size_t const backward = mssa_backward_workspace<Space, T>(b, n, inner, size.dim, {size.heads});
    arena_ = Arena<Space>(space, measuring.used() + (forward > backward ? forward : backward), "krate::Mssa");
  }

  /// As mssa(), for at most max_batch samples of at most max_tokens tokens.
  /// @throws ShapeError, ValueError as mssa(); ValueError for more samples or tokens
  template <class X, class U, class B, class Bias, class Y>
  void forward(Space const& space, X const& x, U const& projection, B const& output, Bias const& bias, Y const& y,
               AttentionMask<Space> const& mask = {}) {
    auto work = arena_.workspace();
    mssa(space, x, projection, output, bias, MssaOptions{size_.heads}, (saved_ = cut(work, x), work), saved_, y, mask);
  }

  /// As mssa_backward(), of the latest forward(), whose x, projection, output and mask it needs again.
  /// @throws ShapeError, ValueError as mssa_backward()
  template <class X, class U, class B, class DY, class DX, class DU, class DB, class DBias>
  void backward(Space const& space, X const& x, U const& projection, B const& output, DY const& dy, DX const& dx,
                DU const& dprojection, DB const& doutput, DBias const& dbias, AttentionMask<Space> const& mask = {}) {
    auto work = arena_.workspace();
    cut(work, x);
    mssa_backward(space, x, projection, output, MssaOptions{size_.heads}, saved_, dy, work, dx, dprojection, doutput,
                  dbias, mask);
  }

 private:
  template <class X>
  MssaSaved<Space, T> cut(Workspace<Space>& work, X const& x) const {
    return MssaSaved<Space, T>::cut(work, x.extent(0), x.extent(1), size_.heads, size_.heads * size_.head_dim);
  }

  MssaSize size_;
  Arena<Space> arena_;
  MssaSaved<Space, T> saved_;
};

}  // namespace krate
