// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The model of tokens behind CRATE: a mixture of standard normal laws on orthogonal subspaces, seen through noise.
// Source: Yu et al. 2023 (CRATE), the denoising view of MSSA; the papers write samples as columns.
#pragma once

#include <cstddef>
#include <vector>

#include "krate/core/random.hpp"

namespace krate::analysis {

/// Subspaces of equal weight and width; host memory, double.
struct SubspaceMixture {
  std::size_t dim = 0, subspaces = 0, width = 0;
  std::vector<double> basis{};  ///< [subspaces * width, dim] orthonormal rows; rows k width ... span subspace k
};

/// Uniform among such subspaces. @throws ValueError unless 0 < subspaces * width <= dim
SubspaceMixture random_mixture(std::size_t dim, std::size_t subspaces, std::size_t width, Seed seed);

/// Samples z, and unit noise e: an observation is x = z + sigma e. Number k depends on (seed, k) only.
/// @return  [samples, dim]     @throws ValueError if the basis has another size than the mixture says
std::vector<double> draw_samples(SubspaceMixture const& mixture, std::size_t samples, Seed seed);
std::vector<double> draw_noise(SubspaceMixture const& mixture, std::size_t samples, Seed seed);

/// E[z | x] = sum_k w_k U_k U_k^T x / (1 + sigma^2),   w = softmax_k(|U_k^T x|^2 / (2 sigma^2 (1 + sigma^2)))
/// @param x  [samples, dim]     @return  as large
/// @throws ShapeError if x is not rows of dim numbers; ValueError if sigma is not positive and finite
std::vector<double> posterior_mean(SubspaceMixture const& mixture, double sigma, std::vector<double> const& x);

/// Its limit for little noise, what attention on subspaces computes:
///     sum_k pi_k U_k U_k^T x,   pi = softmax_k(|U_k^T x|^2 / (2 sigma^2))
/// The two differ by O(sigma^2) of their length. Arguments as posterior_mean().
std::vector<double> soft_projection(SubspaceMixture const& mixture, double sigma, std::vector<double> const& x);

/// The slope of the straight line through (log x, log y) by least squares, leaving out what is not positive and finite.
/// @return  NaN with fewer than two different x
double power_of(std::vector<double> const& x, std::vector<double> const& y);

}  // namespace krate::analysis
