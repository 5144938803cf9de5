// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A ReduNet layer by plain loops, straight from the formulas.
#pragma once

#include "support/rate_oracle.hpp"

namespace krate::testing {

struct RedunetMapsOracle {
  Array expansion, compression, weights;
  double rate = 0, class_rate = 0;
};

inline RedunetMapsOracle redunet_maps(Array const& z, std::vector<int> const& labels, std::size_t classes,
                                      double eps_squared) {
  std::size_t const d = z.extent(1);
  double const alpha = alpha_of(z, eps_squared);
  RedunetMapsOracle maps{scaled(alpha, inverse_of(rate_matrix(z, alpha))), Array({classes, d, d}), Array({classes})};
  maps.rate = oracle_rate(z, alpha);
  for (std::size_t k = 0; k < classes; ++k) {
    Array const own = rows_of_class(z, labels, static_cast<int>(k));
    if (own.extent(0) == 0) continue;
    double const alpha_k = alpha_of(own, eps_squared);
    Array const c = scaled(alpha_k, inverse_of(rate_matrix(own, alpha_k)));
    for (std::size_t e = 0; e < d * d; ++e) maps.compression(k * d * d + e) = c(e);
    maps.weights(k) = static_cast<double>(own.extent(0)) / static_cast<double>(z.extent(0));
    maps.class_rate += maps.weights(k) * half_log_det_of(rate_matrix(own, alpha_k));
  }
  return maps;
}

struct RedunetStepOracle {
  Array z, membership;
};

inline RedunetStepOracle redunet_step(Array const& z, RedunetMapsOracle const& maps, double eta, double lambda_s) {
  std::size_t const n = z.extent(0), d = z.extent(1), classes = maps.weights.size();
  RedunetStepOracle found{z, Array({n, classes})};
  for (std::size_t r = 0; r < n; ++r) {
    Array p({classes, d});
    double total = 0, least = 1e300;
    std::vector<double> norms(classes);
    for (std::size_t k = 0; k < classes; ++k) {
      for (std::size_t j = 0; j < d; ++j)
        for (std::size_t i = 0; i < d; ++i) p(k, j) += maps.compression(k, j, i) * z(r, i);
      for (std::size_t j = 0; j < d; ++j) norms[k] += p(k, j) * p(k, j);
      norms[k] = std::max(1e-8, std::sqrt(norms[k]));
      if (maps.weights(k) > 0) least = std::min(least, norms[k]);
    }
    for (std::size_t k = 0; k < classes; ++k) {
      found.membership(r, k) = maps.weights(k) > 0 ? std::exp(-lambda_s * (norms[k] - least)) : 0;
      total += found.membership(r, k);
    }
    double length = 0;
    for (std::size_t k = 0; k < classes; ++k) found.membership(r, k) /= total > 0 ? total : 1;
    for (std::size_t j = 0; j < d; ++j) {
      double step = 0;
      for (std::size_t i = 0; i < d; ++i) step += maps.expansion(j, i) * z(r, i);
      for (std::size_t k = 0; k < classes; ++k) step -= maps.weights(k) * found.membership(r, k) * p(k, j);
      found.z(r, j) += eta * step;
      length += found.z(r, j) * found.z(r, j);
    }
    for (std::size_t j = 0; j < d; ++j) found.z(r, j) /= std::sqrt(length);
  }
  return found;
}

inline Array unit_rows(Array z) {
  for (std::size_t r = 0; r < z.extent(0); ++r) {
    double length = 0;
    for (std::size_t j = 0; j < z.extent(1); ++j) length += z(r, j) * z(r, j);
    for (std::size_t j = 0; j < z.extent(1); ++j) z(r, j) /= std::max(std::sqrt(length), 1e-12);
  }
  return z;
}

/// Row by row, what the logits of a layer are of.
inline Array softmax_of(Array logits) {
  std::size_t const classes = logits.extent(1);
  for (std::size_t r = 0; r < logits.extent(0); ++r) {
    double largest = logits(r, 0), sum = 0;
    for (std::size_t k = 1; k < classes; ++k) largest = std::max(largest, logits(r, k));
    for (std::size_t k = 0; k < classes; ++k) sum += logits(r, k) = std::exp(logits(r, k) - largest);
    for (std::size_t k = 0; k < classes; ++k) logits(r, k) /= sum;
  }
  return logits;
}

inline std::vector<int> largest_of_rows(Array const& a) {
  std::vector<int> found(a.extent(0));
  for (std::size_t r = 0; r < a.extent(0); ++r)
    for (std::size_t k = 1; k < a.extent(1); ++k)
      if (a(r, k) > a(r, static_cast<std::size_t>(found[r]))) found[r] = static_cast<int>(k);
  return found;
}

}  // namespace krate::testing
