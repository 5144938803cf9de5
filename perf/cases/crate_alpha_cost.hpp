// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/crate_alpha_config.hpp"
#include "perf/cases/crate_cost.hpp"

namespace krate::perf {

/// Two steps from zero and back to tokens: the dictionary times eta and -1; three products with their epilogues; the
/// decoding product.
inline double overcomplete_flops(double tokens, double dim, double codes, bool residual) {
  return 4 * product_flops(tokens, dim, codes) + 2 * dim * codes + (2 + 3) * tokens * codes +
         (residual ? 2 : 1) * tokens * dim;
}
/// Eight products with two masks, three sums and six operations a number of a dictionary, and its two forms anew.
inline double overcomplete_backward_flops(double tokens, double dim, double codes) {
  return 8 * product_flops(tokens, dim, codes) + 3 * tokens * codes + tokens * dim + (2 + 1 + 6) * dim * codes;
}

/// Floating-point operations of a CRATE-alpha: a CRATE's with another coder, no bias behind attention and no norms in
/// the embedding.
struct CrateAlphaFlops : CrateFlops {
  double codes;
  bool residual;
  CrateAlphaFlops(models::CrateAlphaConfig const& c, std::size_t batch)
      : CrateFlops(c, batch), codes(dim * static_cast<double>(c.expansion)), residual(c.coding().residual) {}

  double bias() const { return has_output_map() ? rows() * dim : 0; }
  double block_forward() const {
    return block_without_ista() - bias() + overcomplete_flops(rows(), dim, codes, residual);
  }
  double block_backward() const {
    double const norm = residual ? layer_norm_backward_flops(rows(), dim, InputGradient::add) -
                                       layer_norm_backward_flops(rows(), dim, InputGradient::write)
                                 : 0;
    return block_without_ista_backward() + norm - bias() + overcomplete_backward_flops(rows(), dim, codes);
  }
  double norms() const { return layer_norm_flops(patches, patch_dim) + layer_norm_flops(patches, dim); }
  double forward() const { return outside_forward() - norms() + depth * block_forward(); }
  double inference() const { return forward(); }
  double backward() const {
    double const norms = layer_norm_backward_flops(patches, dim, InputGradient::write) +
                         layer_norm_backward_flops(patches, patch_dim, InputGradient::write);
    double const input = product_flops(patches, patch_dim, dim);  // the images' gradient is not wanted
    return outside_backward() - norms - input + depth * block_backward();
  }
};
inline CrateAlphaFlops flops_of(models::CrateAlphaConfig const& c, std::size_t batch) {
  return {c, batch};
}

/// Besides a CRATE's: the rest of the dictionaries.
inline CrateMemory memory_of(models::CrateAlphaConfig const& c, std::size_t batch) {
  CrateMemory m(c, batch);
  double const square = static_cast<double>(c.depth) * static_cast<double>(c.dim) * static_cast<double>(c.dim);
  m.parameters += square * (static_cast<double>(c.expansion) * (c.coding().own_decoder ? 2 : 1) - 1);
  return m;
}

}  // namespace krate::perf
