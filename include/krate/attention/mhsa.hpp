// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/attention/impl/mhsa_decl.hpp"
#include "krate/attention/impl/mssa_decl.hpp"
#include "krate/core/require.hpp"

namespace krate {

namespace impl {
template <class Space, class T, class X>
void check_mhsa(char const* where, X const& x, MhsaParameters<Space, T> const& p, MhsaOptions const& options,
                MhsaSaved<Space, T> const& saved) {
  std::size_t const batch = x.extent(0), n = x.extent(1), dim = x.extent(2), inner = p.projection.extent(0) / 3;
  require_value(options.heads > 0 && p.projection.extent(0) % (3 * options.heads) == 0, where, "heads", options.heads,
                "must divide a third of the rows of the projection");
  check_mssa(where, inner, options.heads, dim, p.output.extent(0), p.output.extent(1), p.output_bias.extent(0));
  require_shape(where, "projection", p.projection, {3 * inner, dim}, "dim is x.extent(2)");
  require_value(p.bias.size() == 0 || p.bias.size() == 3 * inner, where, "bias.extent(0)", p.bias.size(),
                "must be 3 * heads * head_dim, or 0 for no bias");
  require_shape(where, "saved.qkv", saved.qkv, {batch, n, 3 * inner}, "[batch, tokens, 3 * heads * head_dim]");
  require_shape(where, "saved.attended", saved.attended, {batch, n, inner}, "[batch, tokens, heads * head_dim]");
}
}  // namespace impl

/// Bytes that mhsa() and mhsa_backward() need; `inner` is heads * head_dim.
template <class Space, class T>
std::size_t mhsa_workspace(std::size_t batch, std::size_t tokens, std::size_t inner, std::size_t dim,
                           MhsaOptions const& options) {
  return impl::MhsaKernels<Space, T>::forward_bytes(batch, tokens, inner, dim, options);
}
template <class Space, class T>
std::size_t mhsa_backward_workspace(std::size_t batch, std::size_t tokens, std::size_t inner, std::size_t dim,
                                    MhsaOptions const& options) {
  return impl::MhsaKernels<Space, T>::backward_bytes(batch, tokens, inner, dim, options);
}

/// Multi-head self-attention, the layer of ordinary transformers:
///     [Q, K, V] = x A^T + a,   O as multi_head_attention() has it,   y = O B^T + b
/// Source: Vaswani et al. 2017, "Attention is all you need", section 3.2.2.
/// @param x         [batch, tokens, dim], LayoutRight, contiguous
/// @param work      mhsa_workspace<Space, T>(batch, tokens, heads * head_dim, dim, options) bytes
/// @param saved     written, for the backward pass
/// @param y         [batch, tokens, dim], must not overlap x
/// @param mask      keys that a query does not see
/// @param residual  [batch, tokens, dim], added to y; extents of 0: none
/// @throws ShapeError if extents disagree; ValueError if heads does not divide the rows of A or work is too small
/// @note allocates: no; fences: no; bitwise repeatable: yes; gradient: mhsa_backward
template <class Space, class X, class Y>
void mhsa(Space const& space, X const& x, MhsaParameters<Space, typename Y::value_type> const& parameters,
          MhsaOptions const& options, Workspace<Space> work, MhsaSaved<Space, typename Y::value_type> const& saved,
          Y const& y, AttentionMask<Space> const& mask = {},
          std::type_identity_t<ConstTensor3<typename Y::value_type, Space>> const& residual = {}) {
  using T = typename Y::value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::mhsa";
  impl::check_mhsa(where, x, parameters, options, saved);
  require_shape(where, "y", y, {x.extent(0), x.extent(1), x.extent(2)}, "same shape as x");
  if (residual.size() > 0)
    require_shape(where, "residual", residual, {x.extent(0), x.extent(1), x.extent(2)}, "same shape as y");
  impl::check_mask(where, mask, x.extent(0), x.extent(1));
  impl::MhsaKernels<Space, T>::forward(space, as_tensor3<Space>(x), parameters, options, work, saved,
                                       as_tensor3<Space>(y), mask, residual);
}

/// Gradient of mhsa(), without that of the residual.
/// @param saved      as mhsa() left it     @param dy  [batch, tokens, dim]
/// @param work       mhsa_backward_workspace<Space, T>(batch, tokens, heads * head_dim, dim, options) bytes
/// @param dx         [batch, tokens, dim], written; must not overlap the inputs
/// @param gradients  shapes of the parameters, added to     @param mask  as mhsa() took it
/// @throws ShapeError, ValueError as mhsa()
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class X, class DY, class DX>
void mhsa_backward(Space const& space, X const& x, MhsaParameters<Space, typename DX::value_type> const& parameters,
                   MhsaOptions const& options, MhsaSaved<Space, typename DX::value_type> const& saved, DY const& dy,
                   Workspace<Space> work, DX const& dx, MhsaParameters<Space, typename DX::value_type> const& gradients,
                   AttentionMask<Space> const& mask = {}) {
  using T = typename DX::value_type;
  constexpr char const* where = "krate::mhsa_backward";
  impl::check_mhsa(where, x, parameters, options, saved);
  impl::check_mhsa(where, x, gradients, options, saved);
  require_shape(where, "dy", dy, {x.extent(0), x.extent(1), x.extent(2)}, "same shape as x");
  require_shape(where, "dx", dx, {x.extent(0), x.extent(1), x.extent(2)}, "same shape as x");
  impl::check_mask(where, mask, x.extent(0), x.extent(1));
  impl::MhsaKernels<Space, T>::backward(space, as_tensor3<Space>(x), parameters, options, saved, as_tensor3<Space>(dy),
                                        work, as_tensor3<Space>(dx), gradients, mask);
}

}  // namespace krate
