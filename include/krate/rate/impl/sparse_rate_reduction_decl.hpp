// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>

#include "krate/rate/impl/subspace_coding_rate_decl.hpp"

namespace krate {

struct SparseRateOptions {
  double eps_squared = 0;          ///< squared distortion, positive
  std::size_t heads = 1;           ///< number of subspaces; rows of U are grouped by head
  double lambda = 0;               ///< weight of the norm that counts, or of its relaxation; not negative
  Route route = Route::automatic;  ///< which code runs products and factorizations
};

namespace impl {

/// What the coding rate of each sample alone takes: its tokens, or their transpose if there are fewer tokens than
/// features, and the factors of the smaller side.
template <class Space>
struct SampleRateScratch {
  Tensor3<double, Space> tall;  ///< [batch, longer side, shorter side]
  HeadScratch<Space> whole;
  SampleRateScratch(Workspace<Space>& work, std::size_t batch, std::size_t tokens, std::size_t dim)
      : tall(work.template take<double>(batch, std::max(tokens, dim), std::min(tokens, dim))),
        whole(work, batch, 1, std::min(tokens, dim)) {}
};

/// Each [batch].
template <class Space>
struct SparseRateTerms {
  Vector<double, Space> rate, subspace_rate, nonzeros, absolute, value;
};

template <class Space, class T>
struct SparseRateReduction {
  /// dz and du are empty if only values are wanted.
  static void run(Space const& space, ConstTensor3<T, Space> z, ConstMatrix<T, Space> u,
                  SparseRateOptions const& options, Workspace<Space> work, SparseRateTerms<Space> const& terms,
                  Tensor3<T, Space> dz, Matrix<T, Space> du);
};

}  // namespace impl
}  // namespace krate
