// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/impl/products_decl.hpp"
#include "krate/sparse/impl/ista_decl.hpp"

namespace krate::impl {

/// Where the fold pays for itself: with fewer tokens than features its dim^3 outweigh the products it saves.
inline bool ista_folds(std::size_t tokens, std::size_t dim) {
  return tokens >= dim;
}

template <class Space, class T>
struct FoldedIsta {
  static void fold(Space const& space, ConstMatrix<T, Space> dict, IstaOptions const& options, Products products,
                   Matrix<T, Space> fold);
  static void forward(Space const& space, ConstMatrix<T, Space> x, ConstMatrix<T, Space> fold,
                      IstaOptions const& options, Products products, Workspace<Space> work, Matrix<T, Space> code);
  static std::size_t backward_bytes(std::size_t rows, std::size_t dim, Products products);
  static void backward(Space const& space, ConstMatrix<T, Space> x, ConstMatrix<T, Space> dict,
                       ConstMatrix<T, Space> fold, ConstMatrix<T, Space> code, ConstMatrix<T, Space> dcode,
                       IstaOptions const& options, Products products, Workspace<Space> work, Matrix<T, Space> dx,
                       Matrix<T, Space> ddict);
};

}  // namespace krate::impl
