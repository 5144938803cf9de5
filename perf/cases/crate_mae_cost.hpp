// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/crate_mae_config.hpp"
#include "perf/cases/crate_cost.hpp"

namespace krate::perf {

/// Floating-point operations of a CRATE-MAE's training step: the blocks of a CRATE and as many of the decoder's as
/// there are, between a convolution and a linear map of all tokens.
struct CrateMaeFlops : CrateFlops {
  CrateFlops decoder;
  double removed;
  CrateMaeFlops(models::CrateMaeConfig const& c, std::size_t batch)
      : CrateFlops(c.encoder(), batch),
        decoder(decoder_of(c), batch),
        removed(images * static_cast<double>(c.patches() - c.kept())) {}

  /// Norms, dictionary, attention; the difference from the tokens, in two sweeps.
  double decoder_forward() const {
    return decoder.block_without_ista() + product_flops(rows(), dim, dim) + rows() * dim;
  }
  double decoder_backward() const {
    return decoder.block_without_ista_backward() + 2 * product_flops(rows(), dim, dim) + rows() * dim;
  }
  double forward() const {
    return linear_flops(patches, patch_dim, dim) + rows() * dim + depth * block_forward() +
           decoder.depth * decoder_forward() + 2 * layer_norm_flops(rows(), dim) + linear_flops(rows(), dim, patch_dim);
  }
  double inference() const { return forward(); }
  double backward() const {
    return linear_backward_flops(rows(), dim, patch_dim) +
           2 * layer_norm_backward_flops(rows(), dim, InputGradient::write) + depth * block_backward() +
           decoder.depth * decoder_backward() + rows() * dim + product_flops(patches, patch_dim, dim) + patches * dim;
  }

 private:
  static models::CrateConfig decoder_of(models::CrateMaeConfig const& c) {
    auto d = c.encoder();
    d.depth = c.decoder_depth;
    d.heads = c.decoder_heads;
    d.dim_head = c.dim / c.decoder_heads;
    return d;
  }
};
inline CrateMaeFlops flops_of(models::CrateMaeConfig const& c, std::size_t batch) {
  return {c, batch};
}
/// Squares of the removed patches' differences, and their gradient.
inline double loss_flops(models::CrateMaeConfig const& c, std::size_t batch) {
  return 5 * CrateMaeFlops(c, batch).removed * static_cast<double>(c.patch_dim());
}
inline std::size_t classes_of(models::CrateMaeConfig const&) {
  return 1;  // labels are not looked at
}
/// Encoder and decoder.
inline CrateMemory memory_of(models::CrateMaeConfig const& c, std::size_t batch) {
  auto both = c.encoder();
  both.depth += c.decoder_depth;
  return {both, batch};
}

}  // namespace krate::perf
