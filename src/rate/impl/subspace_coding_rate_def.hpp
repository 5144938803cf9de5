// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/label.hpp"
#include "krate/linalg/elementwise.hpp"
#include "krate/linalg/gemm.hpp"
#include "krate/rate/impl/subspace_coding_rate_decl.hpp"

namespace krate::impl {

template <class Space, class T>
void SubspaceCodingRate<Space, T>::run(Space const& space, ConstTensor3<T, Space> z, ConstMatrix<T, Space> u,
                                       SubspaceRateOptions const& options, Workspace<Space> work,
                                       Vector<double, Space> rates, double scale, Tensor3<T, Space> dz,
                                       Matrix<T, Space> du) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::subspace_coding_rate"));
  std::size_t const tokens = z.extent(1), head_dim = u.extent(0) / options.heads;
  SubspaceRateScratch<Space, T> const scratch(work, z.extent(0), tokens, options.heads, head_dim);
  double const gamma =
      tokens > 0 ? static_cast<double>(head_dim) / (static_cast<double>(tokens) * options.eps_squared) : 0;
  auto const projected = as_rows(scratch.projected);
  gemm(space, "N", "T", 1, as_rows(z), u, 0, projected, options.route);
  if constexpr (!std::is_same_v<T, double>) copy(space, scratch.projected, scratch.in_double);
  HeadRates<Space, double>::factorize(space, scratch.in_double, options.heads, gamma, scratch.heads, rates,
                                      options.route);
  if (!dz.data() && !du.data()) return;
  // dR/dW_k = gamma W_k C_k^{-1}, W = Z U^T
  HeadRates<Space, double>::multiply_inverse(space, scratch.heads, options.heads, scratch.in_double, options.route);
  if constexpr (!std::is_same_v<T, double>) copy(space, scratch.in_double, scratch.projected);
  T const step = static_cast<T>(scale * gamma);
  gemm(space, "N", "N", step, projected, u, 0, as_rows(dz), options.route);
  gemm(space, "T", "N", step, projected, as_rows(z), 1, du, options.route);
}

}  // namespace krate::impl
