// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/types.hpp"
#include "krate/core/workspace.hpp"

namespace krate {

/// What causal token_statistics() sums over the tokens so far: all that generation keeps of a layer, however long the
/// text.
template <class Space, class T>
struct StatisticsSoFar {
  Matrix<T, Space> energy, moment;      ///< [batch, heads * head_dim]: sums of s and of Pi s
  Matrix<T, Space> counts, membership;  ///< [batch, heads]: sum of Pi; Pi of the newest token

  /// Takes these from a workspace, or measures them.
  template <class W>
  static StatisticsSoFar cut(W& work, std::size_t batch, std::size_t heads, std::size_t columns) {
    auto energy = work.template take<T>(batch, columns), moment = work.template take<T>(batch, columns);
    auto counts = work.template take<T>(batch, heads);
    return {energy, moment, counts, work.template take<T>(batch, heads)};
  }
};

namespace impl {

template <class Space, class T>
struct NewestStatistics {
  static void attend(Space const& space, ConstMatrix<T, Space> w, ConstVector<T, Space> temperature,
                     ConstMatrix<T, Space> bias, std::size_t position, StatisticsSoFar<Space, T> const& sums,
                     Matrix<T, Space> out);
};

}  // namespace impl
}  // namespace krate
