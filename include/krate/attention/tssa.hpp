// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/attention/impl/tssa_decl.hpp"
#include "krate/core/arena.hpp"
#include "krate/core/require.hpp"

namespace krate {

namespace impl {
template <class Space, class T, class X>
void check_tssa_layer(char const* where, X const& x, TssaParameters<Space, T> const& p, TssaOptions const& options,
                      TssaSaved<Space, T> const& saved) {
  std::size_t const dim = x.extent(2), inner = p.projection.extent(0);
  check_tssa(where, inner, x.extent(1), options, p.position_bias.extent(0), p.position_bias.extent(1));
  require_shape(where, "projection", p.projection, {inner, dim}, "dim is x.extent(2)");
  require_shape(where, "output", p.output, {dim, inner}, "dim by heads * head_dim");
  require_shape(where, "temperature", p.temperature, {options.heads}, "one a head");
  require_value(p.bias.size() == 0 || p.bias.size() == inner, where, "bias.extent(0)", p.bias.size(),
                "must be heads * head_dim, or 0 for no bias");
  require_value(p.output_bias.size() == 0 || p.output_bias.size() == dim, where, "output_bias.extent(0)",
                p.output_bias.size(), "must be dim, or 0 for no bias");
  require_shape(where, "saved.projected", saved.projected, {x.extent(0), x.extent(1), inner},
                "[batch, tokens, heads * head_dim]");
  check_token_statistics(where, saved.statistics, x.extent(0), x.extent(1), inner, options);
}
}  // namespace impl

/// Bytes that tssa() and tssa_backward() need; `inner` is heads * head_dim.
template <class Space, class T>
std::size_t tssa_workspace(std::size_t batch, std::size_t tokens, std::size_t inner, TssaOptions const& options) {
  return impl::TssaKernels<Space, T>::forward_bytes(batch, tokens, inner, options);
}
template <class Space, class T>
std::size_t tssa_backward_workspace(std::size_t batch, std::size_t tokens, std::size_t inner, std::size_t dim,
                                    TssaOptions const& options) {
  return impl::TssaKernels<Space, T>::backward_bytes(batch, tokens, inner, dim, options);
}

/// Token statistics self-attention, a layer of ToST:
///     W = x U^T + bU,   o as token_statistics() has it,   y = o B^T + b
/// Source: Wu et al. 2025 (ToST, arXiv 2412.17810); B is free, as in the authors' code. No residual.
/// @param x        [batch, tokens, dim], LayoutRight, contiguous
/// @param work     tssa_workspace<Space, T>(batch, tokens, heads * head_dim, options) bytes
/// @param saved    written, for the backward pass
/// @param y        [batch, tokens, dim], must not overlap x
/// @throws ShapeError, ValueError as token_statistics()
/// @note allocates: no; fences: no; bitwise repeatable: yes; gradient: tssa_backward
template <class Space, class X, class Y>
void tssa(Space const& space, X const& x, TssaParameters<Space, typename Y::value_type> const& parameters,
          TssaOptions const& options, Workspace<Space> work, TssaSaved<Space, typename Y::value_type> const& saved,
          Y const& y) {
  using T = typename Y::value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::tssa";
  impl::check_tssa_layer(where, x, parameters, options, saved);
  require_shape(where, "y", y, {x.extent(0), x.extent(1), x.extent(2)}, "same shape as x");
  impl::TssaKernels<Space, T>::forward(space, as_tensor3<Space>(x), parameters, options, work, saved,
                                       as_tensor3<Space>(y));
}

/// Gradient of tssa().
/// @param saved      as tssa() left it     @param dy  [batch, tokens, dim]
/// @param work       tssa_backward_workspace<Space, T>(batch, tokens, heads * head_dim, dim, options) bytes
/// @param dx         [batch, tokens, dim], written; must not overlap the inputs
/// @param gradients  shapes of the parameters, added to
/// @throws ShapeError, ValueError as tssa()
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class X, class DY, class DX>
void tssa_backward(Space const& space, X const& x, TssaParameters<Space, typename DX::value_type> const& parameters,
                   TssaOptions const& options, TssaSaved<Space, typename DX::value_type> const& saved, DY const& dy,
                   Workspace<Space> work, DX const& dx,
                   TssaParameters<Space, typename DX::value_type> const& gradients) {
  using T = typename DX::value_type;
  constexpr char const* where = "krate::tssa_backward";
  impl::check_tssa_layer(where, x, parameters, options, saved);
  impl::check_tssa_layer(where, x, gradients, options, saved);
  require_shape(where, "dy", dy, {x.extent(0), x.extent(1), x.extent(2)}, "same shape as x");
  require_shape(where, "dx", dx, {x.extent(0), x.extent(1), x.extent(2)}, "same shape as x");
  require_shape(where, "gradients.position_bias", gradients.position_bias,
                {parameters.position_bias.extent(0), parameters.position_bias.extent(1)}, "same shape as the bias");
  impl::TssaKernels<Space, T>::backward(space, as_tensor3<Space>(x), parameters, options, saved, as_tensor3<Space>(dy),
                                        work, as_tensor3<Space>(dx), gradients);
}

/// Sizes of a Tssa object.
struct TssaSize {
  std::size_t dim = 0, heads = 1;
  std::size_t head_dim = 0;  ///< 0: dim / heads
  std::size_t max_batch = 1, max_tokens = 0;
  Mask mask = Mask::none;
};

/// A TSSA layer that owns its workspace: forward() keeps what the next backward() needs.
/// @note allocates: in the constructor only; fences: no; bitwise repeatable: yes
template <class Space, class T>
class Tssa {
 public:
  /// @throws ValueError if heads is 0, or does not divide dim where head_dim is not given
  Tssa(Space const& space, TssaSize const& size) : options_{size.heads, size.mask} {
    require_value(size.heads > 0, "krate::Tssa", "heads", size.heads, "must be positive");
    require_value(size.head_dim > 0 || size.dim % size.heads == 0, "krate::Tssa", "heads", size.heads,
                  "must divide dim; or give head_dim");
    inner_ = size.heads * (size.head_dim > 0 ? size.head_dim : size.dim / size.heads);
    std::size_t const b = size.max_batch, n = size.max_tokens;
    std::size_t const kept =
        measure<Space>([&](auto& work) { TssaSaved<Space, T>::cut(work, b, n, inner_, options_); });
    std::size_t const forward = tssa_workspace<Space, T>(b, n, inner_, options_),
                      backward = tssa_backward_workspace<Space, T>(b, n, inner_, size.dim, options_);
    arena_ = Arena<Space>(space, kept + (forward > backward ? forward : backward), "krate::Tssa");
  }

  /// As tssa(), for at most max_batch samples of at most max_tokens tokens.
  /// @throws ShapeError, ValueError as tssa(); ValueError for more samples or tokens
  template <class X, class Y>
  void forward(Space const& space, X const& x, TssaParameters<Space, T> const& parameters, Y const& y) {
    auto work = arena_.workspace();
    saved_ = TssaSaved<Space, T>::cut(work, x.extent(0), x.extent(1), inner_, options_);
    tssa(space, x, parameters, options_, work, saved_, y);
  }

  /// As tssa_backward(), of the latest forward(), whose x and parameters it needs again.
  /// @throws ShapeError, ValueError as tssa_backward()
  template <class X, class DY, class DX>
  void backward(Space const& space, X const& x, TssaParameters<Space, T> const& parameters, DY const& dy, DX const& dx,
                TssaParameters<Space, T> const& gradients) {
    auto work = arena_.workspace();
    TssaSaved<Space, T>::cut(work, x.extent(0), x.extent(1), inner_, options_);
    tssa_backward(space, x, parameters, options_, saved_, dy, work, dx, gradients);
  }

 private:
  TssaOptions options_;
  std::size_t inner_ = 0;
  Arena<Space> arena_;
  TssaSaved<Space, T> saved_;
};

}  // namespace krate
