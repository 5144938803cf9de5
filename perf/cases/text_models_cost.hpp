// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Other language models than causal CRATE, on samples as long as their context.
#pragma once

#include "krate/models/crate_bert_config.hpp"
#include "krate/models/tost_causal_config.hpp"
#include "perf/cases/text_cost.hpp"
#include "perf/cases/tost_cost.hpp"

namespace krate::perf {

/// A causal CRATE's without the mask and without bias behind attention; two more sums of embeddings and their norm; and
/// a layer with GELU and norm before the head, which has a bias.
struct CrateBertFlops : TextFlops {
  CrateBertFlops(models::CrateBertConfig const& c, std::size_t samples) : TextFlops(c, samples, false) {}

  double outside() const {
    return rows() * dim + 2 * layer_norm_flops(rows(), dim) + linear_flops(rows(), dim, dim) +
           gelu_flops * rows() * dim + rows() * vocabulary - depth * rows() * dim;
  }
  double forward() const { return TextFlops::forward() + outside(); }
  double inference() const { return TextFlops::inference() + outside(); }
  double backward() const {
    return TextFlops::backward() + rows() * vocabulary +
           2 * layer_norm_backward_flops(rows(), dim, InputGradient::write) + gelu_backward_flops * rows() * dim +
           linear_backward_flops(rows(), dim, dim) + rows() * dim - depth * rows() * dim;
  }
  double parameters() const { return TextFlops::parameters() + dim * dim; }
};
inline CrateBertFlops text_flops_of(models::CrateBertConfig const& c, std::size_t batch) {
  return {c, batch};
}

/// Of a causal ToST.
struct TostCausalFlops {
  double tokens, rows_, dim, depth, inner, hidden, vocabulary, biases;

  TostCausalFlops(models::TostCausalConfig const& c, std::size_t samples)
      : tokens(static_cast<double>(c.context)),
        rows_(static_cast<double>(samples) * tokens),
        dim(static_cast<double>(c.dim)),
        depth(static_cast<double>(c.depth)),
        inner(static_cast<double>(c.heads * c.head_dim())),
        hidden(models::TostCausalConfig::mlp_ratio * dim),
        vocabulary(static_cast<double>(c.vocabulary)),
        biases(c.bias ? rows_ * (inner + 2 * dim + hidden) : 0) {}

  double rows() const { return rows_; }
  double maps() const { return 2 * product_flops(rows_, inner, dim) + 2 * product_flops(rows_, hidden, dim); }
  double head() const { return product_flops(rows_, vocabulary, dim); }
  /// Two norms, four maps, statistics, GELU, and two branches that are scaled and added.
  double block() const {
    return 2 * layer_norm_flops(rows_, dim) + maps() + biases + causal_tssa_flops * rows_ * inner +
           gelu_flops * rows_ * hidden + 4 * rows_ * dim;
  }
  /// The outputs of norms, statistics and GELU are computed anew.
  double block_backward() const {
    return 2 * (layer_norm_flops(rows_, dim) + layer_norm_backward_flops(rows_, dim, InputGradient::add)) + 2 * maps() +
           biases + (causal_tssa_flops + causal_tssa_backward_flops) * rows_ * inner +
           (gelu_flops + gelu_backward_flops) * rows_ * hidden + 6 * rows_ * dim;
  }
  double forward() const { return rows_ * dim + depth * block() + layer_norm_flops(rows_, dim) + head(); }
  double inference() const { return forward(); }
  double backward() const {
    return 2 * head() + layer_norm_backward_flops(rows_, dim, InputGradient::write) + depth * block_backward() +
           2 * rows_ * dim;
  }
  double loss() const {
    return cross_entropy_flops(rows_, vocabulary) + cross_entropy_backward_flops(rows_, vocabulary);
  }
  double parameters() const { return (vocabulary + tokens) * dim + depth * dim * (2 * inner + 2 * hidden); }
};
inline TostCausalFlops text_flops_of(models::TostCausalConfig const& c, std::size_t batch) {
  return {c, batch};
}

}  // namespace krate::perf
