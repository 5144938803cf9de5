// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/attention/newest_token.hpp"
#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"

namespace krate::impl {

/// One team a head of a sample.
template <class Space, class T>
struct AttendNewest {
  ConstMatrix<T, Space> queries;
  ConstTensor3<T, Space> context;
  Tensor3<T, Space> scores;  ///< [batch, heads, context]
  int values, seen;
  T scale;
  Matrix<T, Space> out;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    int const heads = static_cast<int>(scores.extent(1)), width = static_cast<int>(queries.extent(1)) / heads;
    auto const b = team.league_rank() / heads, k = team.league_rank() % heads;
    T* const p = &scores(b, k, 0);
    T const* const query = &queries(b, k * width);
    T largest = 0;
    Kokkos::parallel_reduce(
        Kokkos::TeamVectorRange(team, seen),
        [&](int j, T& m) {
          T const* const key = &context(j, b, k * width);
          T sum = 0;
          for (int c = 0; c < width; ++c) sum += query[c] * key[c];
          p[j] = scale * sum;
          if (p[j] > m) m = p[j];
        },
        Kokkos::Max<T>(largest));
    team.team_barrier();
    T total = 0;
    Kokkos::parallel_reduce(
        Kokkos::TeamVectorRange(team, seen),
        [&](int j, T& s) {
          p[j] = Kokkos::exp(p[j] - largest);
          s += p[j];
        },
        total);
    team.team_barrier();
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, width), [&](int c) {
      T sum = 0;
      for (int j = 0; j < seen; ++j) sum += p[j] * context(j, b, values + k * width + c);
      out(b, k * width + c) = sum / total;
    });
  }
};

template <class Space, class T>
void NewestToken<Space, T>::attend(Space const& space, ConstMatrix<T, Space> queries, ConstTensor3<T, Space> context,
                                   std::size_t values, std::size_t position, std::size_t heads, Workspace<Space> work,
                                   Matrix<T, Space> out) {
  if (out.size() == 0) return;
  std::size_t const batch = queries.extent(0);
  auto const scores = work.template take<T>(batch, heads, context.extent(0));
  T const scale = T(1) / Kokkos::sqrt(static_cast<T>(queries.extent(1) / heads));
  Kokkos::parallel_for(KRATE_LABEL("krate::attend_newest_token"), rows(space, batch * heads),
                       AttendNewest<Space, T>{queries, context, scores, static_cast<int>(values),
                                              static_cast<int>(position) + 1, scale, out});
}

}  // namespace krate::impl
