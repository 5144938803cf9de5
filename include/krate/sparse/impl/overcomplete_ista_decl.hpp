// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/impl/products_decl.hpp"
#include "krate/sparse/impl/ista_decl.hpp"

namespace krate {

/// What overcomplete_ista() leaves for its backward pass.
template <class Space, class T>
struct OvercompleteIstaSaved {
  Matrix<T, Space> first, code;  ///< [tokens, codes]: after the first step, and the result
  Matrix<T, Space> residual;     ///< [tokens, dim]: what the first step leaves to explain

  static OvercompleteIstaSaved cut(Workspace<Space>& work, std::size_t tokens, std::size_t dim, std::size_t codes) {
    auto const first = work.template take<T>(tokens, codes), code = work.template take<T>(tokens, codes);
    return {first, code, work.template take<T>(tokens, dim)};
  }
};

namespace impl {

template <class Space, class T>
struct OvercompleteIsta {
  static std::size_t forward_bytes(std::size_t tokens, std::size_t dim, std::size_t codes, Products products);
  static void forward(Space const& space, ConstMatrix<T, Space> x, ConstStrided<T, Space> dict,
                      IstaOptions const& options, Products products, Workspace<Space> work,
                      OvercompleteIstaSaved<Space, T> const& saved);
  static std::size_t backward_bytes(std::size_t tokens, std::size_t dim, std::size_t codes, Products products);
  static void backward(Space const& space, ConstMatrix<T, Space> x, ConstStrided<T, Space> dict,
                       ConstStrided<T, Space> decoder, OvercompleteIstaSaved<Space, T> const& saved,
                       ConstMatrix<T, Space> dout, IstaOptions const& options, Products products, Workspace<Space> work,
                       Matrix<T, Space> dx, Strided<T, Space> ddict, Strided<T, Space> ddecoder);
};

}  // namespace impl
}  // namespace krate
