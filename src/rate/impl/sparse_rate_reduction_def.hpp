// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/label.hpp"
#include "krate/linalg/elementwise.hpp"
#include "krate/rate/impl/sparse_rate_reduction_decl.hpp"

namespace krate::impl {

/// Samples, or their transposes if `wide`, in double; one team a row of `tall`.
template <class Space, class T>
struct StandSamplesUp {
  ConstTensor3<T, Space> z;
  Tensor3<double, Space> tall;
  bool wide;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const longer = static_cast<std::int64_t>(tall.extent(1));
    std::int64_t const b = team.league_rank() / longer, i = team.league_rank() % longer;
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(tall.extent(2))),
                         [&](int j) { tall(b, i, j) = static_cast<double>(wide ? z(b, j, i) : z(b, i, j)); });
  }
};

/// One team a sample: both norms, and the value.
template <class Space, class T>
struct NormsAndValue {
  ConstMatrix<T, Space> entries;  ///< [batch, tokens * dim]
  double lambda;
  SparseRateTerms<Space> terms;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const b = team.league_rank();
    std::int64_t const size = static_cast<std::int64_t>(entries.extent(1));
    std::int64_t count = 0;
    double sum = 0;
    Kokkos::parallel_reduce(
        Kokkos::TeamVectorRange(team, size),
        [&](std::int64_t e, std::int64_t& found, double& total) {
          found += entries(b, e) != T(0);
          total += static_cast<double>(Kokkos::abs(entries(b, e)));
        },
        count, sum);
    Kokkos::single(Kokkos::PerTeam(team), [&]() {
      terms.nonzeros(b) = static_cast<double>(count);
      terms.absolute(b) = sum;
      terms.value(b) = terms.rate(b) - terms.subspace_rate(b) - lambda * static_cast<double>(count);
    });
  }
};

/// dz += alpha tall - lambda sign(z); one team a token.
template <class Space, class T>
struct AddExpansion {
  ConstTensor3<T, Space> z;
  ConstTensor3<double, Space> tall;
  double alpha, lambda;
  bool wide;
  Tensor3<T, Space> dz;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const tokens = static_cast<std::int64_t>(z.extent(1));
    std::int64_t const b = team.league_rank() / tokens, i = team.league_rank() % tokens;
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(z.extent(2))), [&](int j) {
      T const x = z(b, i, j);
      double const sign = x > T(0) ? 1 : x < T(0) ? -1 : 0;
      dz(b, i, j) += static_cast<T>(alpha * (wide ? tall(b, j, i) : tall(b, i, j)) - lambda * sign);
    });
  }
};

template <class Space, class T>
void SparseRateReduction<Space, T>::run(Space const& space, ConstTensor3<T, Space> z, ConstMatrix<T, Space> u,
                                        SparseRateOptions const& options, Workspace<Space> work,
                                        SparseRateTerms<Space> const& terms, Tensor3<T, Space> dz,
                                        Matrix<T, Space> du) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::sparse_rate_reduction"));
  std::size_t const batch = z.extent(0), tokens = z.extent(1), dim = z.extent(2);
  // Both rates take their scratch from the same bytes, one after the other.
  SubspaceCodingRate<Space, T>::run(space, z, u, {options.eps_squared, options.heads, options.route}, work,
                                    terms.subspace_rate, -1, dz, du);
  SampleRateScratch<Space> const scratch(work, batch, tokens, dim);
  bool const wide = tokens < dim;
  double const alpha = tokens > 0 ? static_cast<double>(dim) / (static_cast<double>(tokens) * options.eps_squared) : 0;
  Kokkos::parallel_for(KRATE_LABEL("krate::sparse_rate_reduction::stand_up"),
                       rows(space, batch * scratch.tall.extent(1)), StandSamplesUp<Space, T>{z, scratch.tall, wide});
  HeadRates<Space, double>::factorize(space, scratch.tall, 1, alpha, scratch.whole, terms.rate, options.route);
  Kokkos::parallel_for(
      KRATE_LABEL("krate::sparse_rate_reduction::norms"), rows(space, batch),
      NormsAndValue<Space, T>{ConstMatrix<T, Space>(z.data(), batch, tokens * dim), options.lambda, terms});
  if (!dz.data()) return;
  HeadRates<Space, double>::multiply_inverse(space, scratch.whole, 1, scratch.tall, options.route);
  Kokkos::parallel_for(KRATE_LABEL("krate::sparse_rate_reduction::add_expansion"), rows(space, batch * tokens),
                       AddExpansion<Space, T>{z, scratch.tall, alpha, options.lambda, wide, dz});
}

}  // namespace krate::impl
