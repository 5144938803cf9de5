// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/gpt2_config.hpp"
#include "krate/models/vit_config.hpp"
#include "perf/cases/multi_head_attention.hpp"
#include "perf/cases/tost_cost.hpp"

namespace krate::perf {

/// Floating-point operations of blocks of multi-head attention and MLP, summed over them.
struct TransformerFlops {
  double batch, tokens, dim, depth, heads, head_dim, hidden;
  bool causal;

  template <class Config>
  TransformerFlops(Config const& c, std::size_t samples, std::size_t length, bool is_causal)
      : batch(static_cast<double>(samples)),
        tokens(static_cast<double>(length)),
        dim(static_cast<double>(c.dim)),
        depth(static_cast<double>(c.depth)),
        heads(static_cast<double>(c.heads)),
        head_dim(static_cast<double>(c.head_dim())),
        hidden(static_cast<double>(Config::mlp_ratio) * dim),
        causal(is_causal) {}

  double rows() const { return batch * tokens; }
  double inner() const { return heads * head_dim; }
  /// Two norms, four maps, two residuals, attention and GELU.
  double block() const {
    return 2 * layer_norm_flops(rows(), dim) + linear_flops(rows(), dim, 3 * inner()) +
           multi_head_flops(batch, heads, tokens, head_dim, causal) + linear_flops(rows(), inner(), dim) +
           linear_flops(rows(), dim, hidden) + gelu_flops * rows() * hidden + linear_flops(rows(), hidden, dim) +
           2 * rows() * dim;
  }
  /// The outputs of both norms and of the GELU are computed anew.
  double block_backward() const {
    return 2 * (layer_norm_flops(rows(), dim) + layer_norm_backward_flops(rows(), dim, InputGradient::add)) +
           linear_backward_flops(rows(), dim, 3 * inner()) +
           multi_head_backward_flops(batch, heads, tokens, head_dim, causal) +
           linear_backward_flops(rows(), inner(), dim) + linear_backward_flops(rows(), dim, hidden) +
           (gelu_flops + gelu_backward_flops) * rows() * hidden + linear_backward_flops(rows(), hidden, dim);
  }
  double block_parameters() const { return dim * (4 * inner() + 2 * hidden) + 3 * inner() + hidden + 6 * dim; }
};

/// Of a vision transformer.
struct VitFlops : TransformerFlops {
  double patches, patch_dim, classes;
  VitFlops(models::VitConfig const& c, std::size_t images)
      : TransformerFlops(c, images, c.tokens(), false),
        patches(batch * static_cast<double>(c.patches())),
        patch_dim(static_cast<double>(c.patch_dim())),
        classes(static_cast<double>(c.classes)) {}

  double forward() const {
    return linear_flops(patches, patch_dim, dim) + rows() * dim + depth * block() + layer_norm_flops(batch, dim) +
           linear_flops(batch, dim, classes);
  }
  double inference() const { return forward(); }
  /// The images' gradient is not wanted.
  double backward() const {
    return linear_backward_flops(batch, dim, classes) + layer_norm_backward_flops(batch, dim, InputGradient::write) +
           depth * block_backward() + rows() * dim + product_flops(patches, dim, patch_dim) + patches * dim;
  }
};
inline VitFlops flops_of(models::VitConfig const& c, std::size_t batch) {
  return {c, batch};
}
inline double loss_flops(models::VitConfig const& c, std::size_t batch) {
  auto const images = static_cast<double>(batch), classes = static_cast<double>(c.classes);
  return cross_entropy_flops(images, classes) + cross_entropy_backward_flops(images, classes);
}
inline std::size_t classes_of(models::VitConfig const& c) {
  return c.classes;
}

/// How many numbers a vision transformer holds at least, in double so that no size overflows.
struct VitMemory {
  double parameters, patches, tokens, scores = 0;
  VitMemory(models::VitConfig const& c, std::size_t batch) {
    auto const n = [](std::size_t x) { return static_cast<double>(x); };
    double const patch_dim = n(c.channels) * n(c.patch_size.height) * n(c.patch_size.width), d = n(c.dim);
    double const grid = n(c.image_size.height / c.patch_size.height) * n(c.image_size.width / c.patch_size.width);
    double const block = d * (4 * n(c.heads) * n(c.head_dim()) + 2 * n(models::VitConfig::mlp_ratio) * d);
    parameters = (patch_dim + grid + n(c.classes)) * d + n(c.depth) * block;
    patches = n(batch) * grid * patch_dim;
    tokens = n(batch) * grid * d;
  }
};
inline VitMemory memory_of(models::VitConfig const& c, std::size_t batch) {
  return {c, batch};
}

/// Of a GPT-2, on samples as long as its context.
struct Gpt2Flops : TransformerFlops {
  double vocabulary;
  Gpt2Flops(models::Gpt2Config const& c, std::size_t samples)
      : TransformerFlops(c, samples, c.context, true), vocabulary(static_cast<double>(c.vocabulary)) {}

  double head() const { return product_flops(rows(), vocabulary, dim); }
  double forward() const { return rows() * dim + depth * block() + layer_norm_flops(rows(), dim) + head(); }
  double inference() const { return forward(); }
  double backward() const {
    return 2 * head() + layer_norm_backward_flops(rows(), dim, InputGradient::write) + depth * block_backward() +
           2 * rows() * dim;
  }
  double loss() const {
    return cross_entropy_flops(rows(), vocabulary) + cross_entropy_backward_flops(rows(), vocabulary);
  }
  double parameters() const { return (vocabulary + tokens) * dim + depth * block_parameters() + 2 * dim; }
};
inline Gpt2Flops text_flops_of(models::Gpt2Config const& c, std::size_t batch) {
  return {c, batch};
}

}  // namespace krate::perf
