// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What games of linear maps are made of, on the host.
#pragma once

#include "krate/games/pursuit.hpp"

namespace krate::games::impl {

/// @throws ShapeError or ValueError as Pursuit's constructor
void require_pursuit(std::span<PursuitData const> data, std::span<PursuitGame const> games);

/// Random normal numbers, or their polar factors for semi-orthogonal maps.
LinearMaps first_maps(PursuitRule const& rule, std::size_t dim);

/// [steps, batch] samples of each step, -1 behind the last of an epoch.
std::vector<int> batch_order(PursuitRule const& rule, std::size_t samples, std::size_t steps);

/// Rows b with b^T b the moment of each class, one class after another.
struct MomentFactor {
  std::vector<double> rows{};
  std::vector<int> offsets{0};   ///< [classes + 1]
  std::vector<double> counts{};  ///< [classes + 1], their sum at the end
};
MomentFactor moment_factor(ClassStatistics const& data);

std::vector<double> turned(std::vector<double> const& matrix, std::size_t rows, std::size_t columns);

}  // namespace krate::games::impl
