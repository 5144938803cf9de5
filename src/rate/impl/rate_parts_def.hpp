// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/label.hpp"
#include "krate/linalg/cholesky.hpp"
#include "krate/linalg/elementwise.hpp"
#include "krate/linalg/gemm.hpp"
#include "krate/linalg/gram.hpp"
#include "krate/linalg/triangular_inverse.hpp"
#include "krate/rate/impl/rate_parts_decl.hpp"
#include "rate/impl/identity_plus.hpp"
#include "rate/impl/rate_kernels.hpp"
#include "rate/impl/rate_steps.hpp"

namespace krate::impl {

template <class T, class Space>
Strided<T, Space> row_block(Strided<T, Space> const& z, std::size_t begin, std::size_t rows) {
  return Strided<T, Space>(z.data() + begin * z.stride(0),
                           Kokkos::LayoutStride(rows, z.stride(0), z.extent(1), z.stride(1)));
}

/// True if products can read z as it is.
template <class T, class Space>
bool is_direct(Strided<T, Space> const& z) {
  return std::is_same_v<std::remove_const_t<T>, double> && (z.stride(0) == 1 || z.stride(1) == 1);
}

/// One team. Reads the rate off the factor, or makes a better factor first.
template <class Space, class T>
struct RateOrBetterFactor {
  double alpha;
  ConstStrided<T, Space> z;
  Matrix<double, Space> factor, vectors;
  Value<NumericalStatus, Space> status;
  Value<double, Space> rate;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const n = static_cast<int>(factor.extent(0));
    double* const diagonal = vectors.data();
    double* const squares = diagonal + n;
    FactorRate found;
    for (int i = 0; i < n; ++i) found.add(diagonal[i], squares[i], factor(i, i));
    if (found.is_poor()) {
      if (z.extent(0) > 0) {
        found.rate = factor_by_rotations(team, alpha, z, factor.data(), squares, n);
        Kokkos::single(Kokkos::PerTeam(team), [&]() { status() = {}; });
      } else if (status().failed()) {
        found.rate = factor_with_ridge<Space>(team, factor.data(), diagonal, n);
        Kokkos::single(Kokkos::PerTeam(team), [&]() { status() = {}; });
      }
    }
    Kokkos::single(Kokkos::PerTeam(team), [&]() { rate() = found.rate; });
  }
};

template <class Space, class T>
void RateParts<Space, T>::add_moment(Space const& space, double alpha, ConstStrided<T, Space> z, double beta,
                                     MomentScratch<Space> const& scratch, Matrix<double, Space> moment, Route route) {
  if (route == Route::automatic && is_thin(z.extent(0), z.extent(1)))
    return ThinGram<Space, T>::run(space, alpha, z, beta, scratch.partial, moment);
  if constexpr (std::is_same_v<T, double>) {
    if (is_direct(z) || z.extent(0) == 0) return gram(space, alpha, z, beta, moment, route);
  }
  std::size_t const count = z.extent(0);
  for (std::size_t begin = 0; begin == 0 || begin < count; begin += rate_chunk) {
    std::size_t const take = std::min(rate_chunk, count - begin);
    Matrix<double, Space> const part(scratch.packed.data(), take, z.extent(1));
    scale_into(space, 1, row_block(z, begin, take), part);
    gram(space, alpha, part, begin == 0 ? beta : 1, moment, route);
  }
}

template <class Space, class T>
void RateParts<Space, T>::factorize(Space const& space, double alpha, ConstStrided<T, Space> z,
                                    Matrix<double, Space> factor, Matrix<double, Space> vectors,
                                    Value<NumericalStatus, Space> status, Value<double, Space> rate, Route route) {
  factor_and_squares<Space>(space, factor, vectors, status, route);
  Kokkos::parallel_for(KRATE_LABEL("krate::coding_rate::rate"), rows(space, 1),
                       RateOrBetterFactor<Space, T>{alpha, z, factor, vectors, status, rate});
}

template <class Space, class T>
void RateParts<Space, T>::multiply_inverse(Space const& space, double alpha, ConstStrided<T, Space> z,
                                           ConstMatrix<double, Space> factor, Workspace<Space> work,
                                           Strided<T, Space> out, Route route) {
  std::size_t const count = z.extent(0), dim = z.extent(1);
  if (count == 0 || dim == 0) return;
  InverseScratch<Space> const scratch(work, count, dim);
  triangular_inverse(space, factor, scratch.root, route);
  if (scratch.few) {  // S X^T = z^T
    scale_into(space, 1, z, scratch.product);
    auto const columns = transposed(as_strided<Space>(scratch.product));
    triangular_multiply(space, "N", scratch.root, columns, route);
    triangular_multiply(space, "T", scratch.root, columns, route);
    return scale_into(space, alpha, scratch.product, out);
  }
  // S^{-1} = L^{-T} L^{-1}, the Gram matrix of L^{-1}.
  gram(space, 1, scratch.root, 0, scratch.inverse, route);
  if (route == Route::automatic && is_thin(count, dim))
    return ThinProduct<Space, T>::run(space, alpha, z, scratch.inverse, out);
  if constexpr (std::is_same_v<T, double>) {
    if (is_direct(z) && is_direct(out)) return gemm(space, "N", "N", alpha, z, scratch.inverse, 0, out, route);
  }
  for (std::size_t begin = 0; begin < count; begin += rate_chunk) {
    std::size_t const take = std::min(rate_chunk, count - begin);
    Matrix<double, Space> const part(scratch.packed.data(), take, dim), product(scratch.product.data(), take, dim);
    scale_into(space, 1, row_block(z, begin, take), part);
    gemm(space, "N", "N", alpha, part, scratch.inverse, 0, product, route);
    scale_into(space, 1, product, row_block(out, begin, take));
  }
}

}  // namespace krate::impl
