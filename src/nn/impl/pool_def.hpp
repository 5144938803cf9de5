// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/nn/pool.hpp"

namespace krate::impl {

/// One work item: a few neighbouring features of one sample; the first `count` tokens are averaged.
template <class Space, class T>
struct AverageTokens {
  static constexpr int width = is_device<Space> ? 1 : 16;
  ConstTensor3<T, Space> tokens;
  std::int64_t count;
  Matrix<T, Space> pooled;
  KOKKOS_FUNCTION std::int64_t tiles() const {
    return (static_cast<std::int64_t>(pooled.extent(1)) + width - 1) / width;
  }
  KOKKOS_FUNCTION void operator()(std::int64_t item) const {
    auto const dim = static_cast<std::int64_t>(pooled.extent(1));
    std::int64_t const b = item / tiles(), first = item % tiles() * width;
    int const n = static_cast<int>(dim - first < width ? dim - first : width);
    T sum[width] = {};
    for (std::int64_t t = 0; t < count; ++t)
      for (int l = 0; l < n; ++l) sum[l] += tokens(b, t, first + l);
    for (int l = 0; l < n; ++l) pooled(b, first + l) = sum[l] / T(count);
  }
};

/// One team a token: its share of the sample's gradient.
template <class Space, class T>
struct SpreadGradient {
  ConstMatrix<T, Space> dpooled;
  std::int64_t count;
  Tensor3<T, Space> dtokens;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    auto const tokens = static_cast<std::int64_t>(dtokens.extent(1));
    std::int64_t const b = team.league_rank() / tokens, t = team.league_rank() % tokens;
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(dtokens.extent(2))),
                         [&](int j) { dtokens(b, t, j) = t < count ? dpooled(b, j) / T(count) : T(0); });
  }
};

/// Tokens that are averaged.
inline std::int64_t pooled_tokens(Pool pool, std::size_t tokens) {
  return pool == Pool::cls ? 1 : static_cast<std::int64_t>(tokens);
}

template <class Space, class T>
void PoolTokens<Space, T>::forward(Space const& space, ConstTensor3<T, Space> tokens, Pool pool,
                                   Matrix<T, Space> pooled) {
  AverageTokens<Space, T> const average{tokens, pooled_tokens(pool, tokens.extent(1)), pooled};
  Kokkos::parallel_for(KRATE_LABEL("krate::pool_tokens::average"), elements(space, pooled.extent(0) * average.tiles()),
                       average);
}

template <class Space, class T>
void PoolTokens<Space, T>::backward(Space const& space, ConstMatrix<T, Space> dpooled, Pool pool,
                                    Tensor3<T, Space> dtokens) {
  if (dtokens.size() == 0) return;
  Kokkos::parallel_for(KRATE_LABEL("krate::pool_tokens::spread"), rows(space, dtokens.extent(0) * dtokens.extent(1)),
                       SpreadGradient<Space, T>{dpooled, pooled_tokens(pool, dtokens.extent(1)), dtokens});
}

}  // namespace krate::impl
