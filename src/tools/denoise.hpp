// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate analyze denoise: how well projections on subspaces, and steps of attention, undo noise.
#pragma once

#include <string>
#include <vector>

#include "tools/context.hpp"

namespace krate::tools {

struct DenoiseProblem {
  std::size_t dim = 0, subspaces = 0, width = 0, samples = 0;
  double eps_squared = 0;
  std::vector<double> sigmas;
  std::int64_t seed = 0;
};

/// At one sigma.
struct DenoiseMeasure {
  double sigma = 0;
  double relative_error = 0;  ///< |soft projection - posterior mean| / |posterior mean|, over all samples
  double cosine_mssa = 0;     ///< between MSSA(x) and -dR^c/dx
  double cosine_step = 0;     ///< between gamma MSSA(x) - x and -dR^c/dx
};

std::vector<DenoiseMeasure> measure_denoising(Space const& space, DenoiseProblem const& problem);

void add_denoise(cli::App& analyze, Context& context);

}  // namespace krate::tools
