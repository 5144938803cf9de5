// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/arena.hpp"
#include "krate/core/require.hpp"
#include "krate/sparse/impl/ista_decl.hpp"

namespace krate {

namespace impl {
inline void check_ista(char const* where, IstaOptions const& options) {
  require_value(options.eta > 0, where, "eta", options.eta, "must be positive; CRATE uses 0.1");
  require_value(options.lambda >= 0, where, "lambda", options.lambda, "must not be negative; CRATE uses 0.1");
}
}  // namespace impl

/// Bytes that ista() and ista_backward() need.
template <class Space, class T>
std::size_t ista_workspace(std::size_t rows, std::size_t dim) {
  return impl::IstaKernels<Space, T>::forward_bytes(rows, dim);
}
template <class Space, class T>
std::size_t ista_backward_workspace(std::size_t rows, std::size_t dim) {
  return impl::IstaKernels<Space, T>::backward_bytes(rows, dim);
}

/// One ISTA step from a warm start: the non-negative sparse code of each token (row) of x.
///     code = max(0, x + eta (x - x D^T) D - eta lambda)
/// Source: Yu et al. 2023 (CRATE), ISTA block, eq. 17 in row form; the paper writes tokens as columns. No residual.
/// With at least as many tokens as features it is one product, with I + eta (D - D^T D); else two, as it stands.
/// @param x     [tokens, dim]      @param dict  D [dim, dim], atoms are columns
/// @param work  ista_workspace<Space, T>(tokens, dim) bytes
/// @param code  [tokens, dim], must not overlap x
/// @throws ShapeError if extents disagree; ValueError if eta <= 0, lambda < 0 or the workspace is too small
/// @note allocates: no; fences: no; bitwise repeatable: yes; gradient: ista_backward
template <class Space, class X, class D, class Code>
void ista(Space const& space, X const& x, D const& dict, IstaOptions const& options, Workspace<Space> work,
          Code const& code) {
  using T = typename Code::value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::ista";
  impl::check_ista(where, options);
  require_shape(where, "dict", dict, {x.extent(1), x.extent(1)}, "dim is x.extent(1)");
  require_shape(where, "code", code, {x.extent(0), x.extent(1)}, "same shape as x");
  impl::IstaKernels<Space, T>::forward(space, as_matrix<Space>(x), as_matrix<Space>(dict), options, work,
                                       as_matrix<Space>(code));
}

/// Gradient of ista(), 0 at the kink: with H = dcode [code > 0], R = x - x D^T and Q = H D^T,
///     dx = H + eta (Q - Q D),   ddict += eta (R^T H - Q^T x)
/// as it stands, in five products, or by the folded dictionary in two; see ista().
/// @param code  as ista() left it     @param dcode  [tokens, dim]
/// @param work  ista_backward_workspace<Space, T>(tokens, dim) bytes
/// @param dx    [tokens, dim], written, must not overlap the inputs     @param ddict  [dim, dim], added to
/// @throws ShapeError if extents disagree; ValueError if eta <= 0 or lambda < 0
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class X, class D, class Code, class DCode, class DX, class DD>
void ista_backward(Space const& space, X const& x, D const& dict, Code const& code, DCode const& dcode,
                   IstaOptions const& options, Workspace<Space> work, DX const& dx, DD const& ddict) {
  using T = typename DX::value_type;
  constexpr char const* where = "krate::ista_backward";
  std::size_t const n = x.extent(0), dim = x.extent(1);
  impl::check_ista(where, options);
  require_shape(where, "dict", dict, {dim, dim}, "dim is x.extent(1)");
  require_shape(where, "code", code, {n, dim}, "same shape as x");
  require_shape(where, "dcode", dcode, {n, dim}, "same shape as x");
  require_shape(where, "dx", dx, {n, dim}, "same shape as x");
  require_shape(where, "ddict", ddict, {dim, dim}, "same shape as dict");
  impl::IstaKernels<Space, T>::backward(space, as_matrix<Space>(x), as_matrix<Space>(dict), as_matrix<Space>(code),
                                        as_matrix<Space>(dcode), options, work, as_matrix<Space>(dx),
                                        as_matrix<Space>(ddict));
}

/// Sizes of an Ista object.
struct IstaSize {
  std::size_t dim = 0, max_tokens = 0;
};

/// An ISTA layer that owns its workspace. @note allocates: in the constructor only; fences: no; bitwise repeatable: yes
template <class Space, class T>
class Ista {
 public:
  /// @throws ValueError if eta <= 0 or lambda < 0
  Ista(Space const& space, IstaSize const& size, IstaOptions const& options = {})
      : options_(options), arena_(space, bytes(size), "krate::Ista") {
    impl::check_ista("krate::Ista", options);
  }
  /// As ista(), for at most max_tokens rows. @throws ShapeError, ValueError as ista(); ValueError for more rows
  template <class X, class D, class Code>
  void forward(Space const& space, X const& x, D const& dict, Code const& code) const {
    ista(space, x, dict, options_, arena_.workspace(), code);
  }
  /// As ista_backward(). @throws ShapeError, ValueError as ista_backward()
  template <class X, class D, class Code, class DCode, class DX, class DD>
  void backward(Space const& space, X const& x, D const& dict, Code const& code, DCode const& dcode, DX const& dx,
                DD const& ddict) const {
    ista_backward(space, x, dict, code, dcode, options_, arena_.workspace(), dx, ddict);
  }

 private:
  static std::size_t bytes(IstaSize const& size) {
    std::size_t const f = ista_workspace<Space, T>(size.max_tokens, size.dim);
    std::size_t const b = ista_backward_workspace<Space, T>(size.max_tokens, size.dim);
    return f > b ? f : b;
  }
  IstaOptions options_;
  Arena<Space> arena_;
};

}  // namespace krate
