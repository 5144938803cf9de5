// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/rate/impl/head_rates_decl.hpp"
#include "krate/rate/rate_options.hpp"

namespace krate::impl {

/// What subspace_coding_rate() takes. In double, both projections are one tensor.
template <class Space, class T>
struct SubspaceRateScratch {
  Tensor3<T, Space> projected;       ///< [batch, tokens, heads * head_dim]
  Tensor3<double, Space> in_double;  ///< the same
  HeadScratch<Space> heads;
  SubspaceRateScratch(Workspace<Space>& work, std::size_t batch, std::size_t tokens, std::size_t heads,
                      std::size_t head_dim)
      : projected(work.template take<T>(batch, tokens, heads * head_dim)),
        in_double(convert(work, projected)),
        heads(work, batch, heads, head_dim) {}

 private:
  static Tensor3<double, Space> convert(Workspace<Space>& work, Tensor3<T, Space> const& w) {
    if constexpr (std::is_same_v<T, double>) {
      return w;
    } else {
      return work.template take<double>(w.extent(0), w.extent(1), w.extent(2));
    }
  }
};

template <class Space, class T>
struct SubspaceCodingRate {
  /// dz = scale dR^c/dz, du += scale dR^c/du; both are empty if only values are wanted.
  static void run(Space const& space, ConstTensor3<T, Space> z, ConstMatrix<T, Space> u,
                  SubspaceRateOptions const& options, Workspace<Space> work, Vector<double, Space> rates, double scale,
                  Tensor3<T, Space> dz, Matrix<T, Space> du);
};

}  // namespace krate::impl
