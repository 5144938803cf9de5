// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate analyze landscape: climbs of a rate reduction from random starts, beside the closed form of their ends.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "krate/analysis/rate_problem.hpp"
#include "tools/context.hpp"

namespace krate::tools {

struct LandscapeProblem {
  analysis::RateProblem rates;
  double lambda = 0;                   ///< of the regularised problem
  std::vector<std::int64_t> bounds{};  ///< of the ranks, one a class: the constrained problem; empty: the regularised
  std::size_t starts = 0, iterations = 0;
  double scale = 1;  ///< standard deviation of the entries of a start
  std::int64_t seed = 0;

  bool constrained() const { return !bounds.empty(); }
};

/// What is known of the ends without climbing.
struct LandscapeForm {
  double lambda_max = 0, lambda_glob = 0;  ///< not of the constrained problem
  double precision_ratio = 0;              ///< of the constrained problem only
  bool is_global = true;                   ///< whether `value` is known to be the largest there is
  double value = 0;
  std::vector<double> sigma, s_minus, kappa;  ///< one a class; the last two of the regularised problem only
  std::vector<std::int64_t> ranks;
};

struct LandscapeStart {
  std::vector<double> objective, gradient_norm;  ///< at the start and after each step
  bool converged = false;
  double hessian_top = 0;                  ///< largest eigenvalue of the Hessian at the end; NaN if not known
  std::vector<double> features;            ///< [samples, dim], the end
  std::vector<std::vector<double>> sigma;  ///< singular values of each class, the largest first
  std::vector<std::int64_t> ranks;
  double cross_cosine = 0;  ///< largest |cos| between samples of different classes
};

struct Landscape {
  LandscapeProblem problem;
  LandscapeForm form;
  std::vector<LandscapeStart> starts;
  std::size_t best = 0;         ///< the start that climbed highest
  std::vector<double> cosines;  ///< [samples, samples] |cos| at its end
};

/// @throws ValueError, ShapeError in the words of the flags
LandscapeForm landscape_form(LandscapeProblem const& problem);

/// Collective: ranks share the starts, all have the result.
Landscape climb_landscape(Context& context, LandscapeProblem const& problem);

/// Collective: landscape.h5, landscape.csv and pictures in an existing directory.
void write_landscape(Context& context, Landscape const& landscape, std::string const& directory);

void add_landscape(cli::App& analyze, Context& context);

}  // namespace krate::tools
