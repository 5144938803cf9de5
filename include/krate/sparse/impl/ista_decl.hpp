// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/types.hpp"
#include "krate/core/workspace.hpp"

namespace krate {

/// Constants of one ISTA step; the defaults are CRATE's.
struct IstaOptions {
  double eta = 0.1;     ///< step size, positive
  double lambda = 0.1;  ///< sparsity weight, not negative
};

namespace impl {

template <class Space, class T>
struct IstaKernels {
  static std::size_t forward_bytes(std::size_t rows, std::size_t dim);
  static std::size_t backward_bytes(std::size_t rows, std::size_t dim);
  static void forward(Space const& space, ConstMatrix<T, Space> x, ConstMatrix<T, Space> dict,
                      IstaOptions const& options, Workspace<Space> work, Matrix<T, Space> code);
  static void backward(Space const& space, ConstMatrix<T, Space> x, ConstMatrix<T, Space> dict,
                       ConstMatrix<T, Space> code, ConstMatrix<T, Space> dcode, IstaOptions const& options,
                       Workspace<Space> work, Matrix<T, Space> dx, Matrix<T, Space> ddict);
};

}  // namespace impl
}  // namespace krate
