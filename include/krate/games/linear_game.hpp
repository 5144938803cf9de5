// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The sequential game of two linear maps, exactly, on the host. An encoder F [width, dim] and a decoder G [dim, width]
// act on columns, z = F x and x = G z; samples are rows.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "krate/core/types.hpp"

namespace krate::games {

/// All that the game sees of its samples: classes without samples are left out.
struct ClassStatistics {
  std::size_t dim = 0;
  std::vector<double> counts{};   ///< [classes] samples of each
  std::vector<double> moments{};  ///< [classes, dim, dim] X_j^T X_j / n_j

  std::size_t classes() const { return counts.size(); }
  double samples() const;
};

/// @param rows  [samples, dim]     @param labels  [samples], from 0 to classes - 1
/// @throws ShapeError if rows and labels disagree; ValueError for no sample, a label outside or what is not finite
ClassStatistics class_statistics(std::span<double const> rows, std::size_t dim, std::span<Label const> labels,
                                 std::size_t classes);

struct LinearMaps {
  std::vector<double> encoder{};  ///< [width, dim]
  std::vector<double> decoder{};  ///< [dim, width]
};

/// Utilities and their gradients. With C_j = F S_j F^T of the moments S_j, A = F G, b = width / eps_squared:
///     expansion      rate reduction of the codes, 1/2 log det(I + b C) - sum_j n_j/n 1/2 log det(I + b C_j)
///     inconsistency  sum_j rate distance of class j's codes from the codes of what they decode to, A C_j A^T
/// The encoder's utility is their sum, the decoder's is - inconsistency.
/// Source: Pai et al. 2022, "Pursuit of a discriminative representation for multiple subspaces via a sequential game".
struct LinearValues {
  double expansion = 0, inconsistency = 0;
  double rate = 0;  ///< 1/2 log det(I + b C) of all codes: what expands where there is one class
  std::vector<double> inconsistency_by_class{};
  std::vector<double> expansion_by_encoder{};      ///< gradient [width, dim]
  std::vector<double> inconsistency_by_encoder{};  ///< [width, dim]
  std::vector<double> inconsistency_by_decoder{};  ///< [dim, width]
  std::vector<double> inconsistency_by_product{};  ///< [width, width], by A
};

/// @note inconsistency is a sum of log cosh: it keeps its relative accuracy down to the smallest numbers
/// @throws ShapeError for maps that do not fit; ValueError unless eps_squared is positive
LinearValues linear_values(ClassStatistics const& data, LinearMaps const& maps, double eps_squared);

struct Projection {
  std::vector<double> encoder{};      ///< [width, dim]
  std::vector<double> multipliers{};  ///< [classes], not negative
  int iterations = 0;
};

/// The encoder nearest to a given one whose codes of each class have a mean square norm of at most 1.
/// @throws NumericalError if Newton's method on the multipliers does not get there
Projection project_on_norms(ClassStatistics const& data, std::span<double const> encoder);

/// [columns, rows] the pseudo-inverse of a matrix; of an encoder the decoder's best response, whose inconsistency is 0.
std::vector<double> pseudo_inverse(std::span<double const> matrix, std::size_t rows, std::size_t columns);
/// The nearest matrix with orthonormal rows, or columns where those are fewer. @throws NumericalError without full rank
std::vector<double> polar_factor(std::span<double const> matrix, std::size_t rows, std::size_t columns);

/// The equilibrium of linearly independent classes, in closed form: it makes them orthogonal and whitens each.
struct Equilibrium {
  LinearMaps maps{};
  std::vector<std::size_t> ranks{};  ///< [classes] dimensions of their subspaces
  double expansion = 0;              ///< its value, by formula
  double precision_ratio = 0;        ///< eps^4 / min_j (n_j/n) (width/rank_j)^2; equal spectra are best below about 0.2
};
/// @throws ValueError if the classes' dimensions add up to more than width or the rank of all samples
Equilibrium oracle_equilibrium(ClassStatistics const& data, std::size_t width, double eps_squared);

/// For one class and semi-orthogonal maps: the leading principal directions [width, dim].
std::vector<double> principal_encoder(ClassStatistics const& data, std::size_t width);
/// 1/2 sum over the largest min(width, dim) eigenvalues of log(1 + width/eps_squared eigenvalue): its rate.
double principal_rate(ClassStatistics const& data, std::size_t width, double eps_squared);

}  // namespace krate::games
