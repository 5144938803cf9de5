// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/causal_crate_config.hpp"
#include "perf/cases/cross_entropy.hpp"
#include "perf/cases/ista.hpp"
#include "perf/cases/layer_norm.hpp"
#include "perf/cases/mssa_layer.hpp"

namespace krate::perf {

/// Floating-point operations of a CRATE of texts with square dictionaries, on samples as long as its context.
struct TextFlops {
  double batch, tokens, dim, depth, heads, head_dim, vocabulary;
  bool causal;

  template <class Config>
  TextFlops(Config const& c, std::size_t samples, bool is_causal = true)
      : batch(static_cast<double>(samples)),
        tokens(static_cast<double>(c.context)),
        dim(static_cast<double>(c.dim)),
        depth(static_cast<double>(c.depth)),
        heads(static_cast<double>(c.heads)),
        head_dim(static_cast<double>(c.head_dim())),
        vocabulary(static_cast<double>(c.vocabulary)),
        causal(is_causal) {}

  double rows() const { return batch * tokens; }
  double attention() const {
    return 2 * product_flops(rows(), dim, heads * head_dim) + 2 * rows() * dim +
           mssa_flops(batch, heads, tokens, head_dim, causal);
  }
  double block_without_ista() const { return 2 * layer_norm_flops(rows(), dim) + attention(); }
  double head() const { return product_flops(rows(), vocabulary, dim); }
  /// Embeddings, blocks and head.
  double forward() const { return rows() * dim + depth * (block_without_ista() + ista_flops(rows(), dim)) + head(); }
  /// All dictionaries are folded before.
  double inference() const {
    return rows() * dim + depth * (block_without_ista() + folded_ista_flops(rows(), dim)) + head();
  }
  /// The outputs of both norms are computed anew.
  double block_backward() const {
    double const fold = ista_is_folded(rows(), dim) ? ista_fold_flops(dim) : 0;  // the forward pass has made it
    return 2 * layer_norm_flops(rows(), dim) + layer_norm_backward_flops(rows(), dim, InputGradient::write) +
           layer_norm_backward_flops(rows(), dim, InputGradient::add) +
           4 * product_flops(rows(), dim, heads * head_dim) + rows() * dim +
           mssa_backward_flops(batch, heads, tokens, head_dim, causal) + ista_backward_flops(rows(), dim) - fold;
  }
  double backward() const { return 2 * head() + depth * block_backward() + 2 * rows() * dim; }
  double loss() const {
    return cross_entropy_flops(rows(), vocabulary) + cross_entropy_backward_flops(rows(), vocabulary);
  }
  double parameters() const {
    return (vocabulary + tokens) * dim + depth * (2 * dim * heads * head_dim + dim * dim + 5 * dim);
  }
};
inline TextFlops text_flops_of(models::CausalCrateConfig const& c, std::size_t batch) {
  return {c, batch};
}

}  // namespace krate::perf
