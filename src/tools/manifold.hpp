// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>
#include <vector>

#include "krate/core/random.hpp"

namespace krate::tools {

/// A known manifold, sampled.
struct Manifold {
  std::string shape;  ///< one of manifold_shapes()
  std::size_t samples = 50;
  std::size_t dim = 100;      ///< of a sample, for random and gp
  std::size_t intrinsic = 2;  ///< of the manifold, for random and gp
  double scale = 1;           ///< L of gp: root mean square length of a sample
  Seed seed{};
};

std::vector<std::string> manifold_shapes();
/// Numbers of a sample.
std::size_t manifold_columns(Manifold const& m);
/// [samples, columns]. Source: experiments of Psenka et al. 2024.
std::vector<double> sample_manifold(Manifold const& m);

}  // namespace krate::tools
