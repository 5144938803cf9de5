// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/crate_config.hpp"
#include "perf/cases/cross_entropy.hpp"
#include "perf/cases/ista.hpp"
#include "perf/cases/layer_norm.hpp"
#include "perf/cases/linear.hpp"
#include "perf/cases/mssa_layer.hpp"

namespace krate::perf {

/// Floating-point operations of a CRATE, summed over its layers.
struct CrateFlops {
  double images, patches, patch_dim, tokens, dim, depth, heads, head_dim, classes;

  CrateFlops(models::CrateConfig const& c, std::size_t batch)
      : images(static_cast<double>(batch)),
        patches(images * static_cast<double>(c.patches())),
        patch_dim(static_cast<double>(c.patch_dim())),
        tokens(static_cast<double>(c.tokens())),
        dim(static_cast<double>(c.dim)),
        depth(static_cast<double>(c.depth)),
        heads(static_cast<double>(c.heads)),
        head_dim(static_cast<double>(c.head_dim())),
        classes(static_cast<double>(c.classes)) {}

  double rows() const { return images * tokens; }
  /// A block without output map has one product and the bias less in each direction.
  bool has_output_map() const { return !(heads == 1 && head_dim == dim); }
  double no_output_map() const { return has_output_map() ? 0 : product_flops(rows(), dim, dim) + rows() * dim; }

  double block_without_ista() const {
    return 2 * layer_norm_flops(rows(), dim) + mssa_layer_flops(images, heads, tokens, head_dim, dim) -
           no_output_map() + rows() * dim;
  }
  double block_forward() const { return block_without_ista() + ista_flops(rows(), dim); }
  /// The outputs of both norms are computed anew.
  double block_without_ista_backward() const {
    double const second = has_output_map() ? 0 : product_flops(rows(), dim, dim);
    return 2 * layer_norm_flops(rows(), dim) + layer_norm_backward_flops(rows(), dim, InputGradient::write) +
           layer_norm_backward_flops(rows(), dim, InputGradient::add) +
           mssa_layer_backward_flops(images, heads, tokens, head_dim, dim) - no_output_map() - second;
  }
  double block_backward() const {
    double const fold = ista_is_folded(rows(), dim) ? ista_fold_flops(dim) : 0;  // the forward pass has made it
    return block_without_ista_backward() + ista_backward_flops(rows(), dim) - fold;
  }
  double forward() const { return outside_forward() + depth * block_forward(); }
  /// All dictionaries are folded before.
  double inference() const {
    return outside_forward() + depth * (block_without_ista() + folded_ista_flops(rows(), dim));
  }
  double outside_forward() const {
    double const embedding = layer_norm_flops(patches, patch_dim) + linear_flops(patches, patch_dim, dim) +
                             layer_norm_flops(patches, dim) + rows() * dim;
    double const head = 2 * images * dim + layer_norm_flops(images, dim) + linear_flops(images, dim, classes);
    return embedding + head;
  }
  double backward() const { return outside_backward() + depth * block_backward(); }
  double outside_backward() const {
    double const head = linear_backward_flops(images, dim, classes) +
                        layer_norm_backward_flops(images, dim, InputGradient::write) + images * dim;
    double const embedding = rows() * dim + layer_norm_backward_flops(patches, dim, InputGradient::write) +
                             linear_backward_flops(patches, patch_dim, dim) +
                             layer_norm_backward_flops(patches, patch_dim, InputGradient::write);
    return head + embedding;
  }
};

inline CrateFlops flops_of(models::CrateConfig const& c, std::size_t batch) {
  return {c, batch};
}
inline double loss_flops(models::CrateConfig const& c, std::size_t batch) {
  auto const images = static_cast<double>(batch), classes = static_cast<double>(c.classes);
  return cross_entropy_flops(images, classes) + cross_entropy_backward_flops(images, classes);
}
inline std::size_t classes_of(models::CrateConfig const& c) {
  return c.classes;
}

/// How many numbers a CRATE holds at least, in double so that no size overflows.
struct CrateMemory {
  double parameters, patches, tokens, scores;
  CrateMemory(models::CrateConfig const& c, std::size_t batch) {
    auto const n = [](std::size_t x) { return static_cast<double>(x); };
    double const patch_dim = n(c.channels) * n(c.patch_size.height) * n(c.patch_size.width);
    double const grid = n(c.image_size.height / c.patch_size.height) * n(c.image_size.width / c.patch_size.width);
    double const d = n(c.dim), inner = n(c.heads) * n(c.head_dim());
    parameters = (patch_dim + grid + n(c.classes)) * d + n(c.depth) * d * (d + inner);
    patches = n(batch) * grid * patch_dim;
    tokens = n(batch) * grid * d;
    scores = n(batch) * n(c.heads) * grid * grid;
  }
};
inline CrateMemory memory_of(models::CrateConfig const& c, std::size_t batch) {
  return {c, batch};
}

}  // namespace krate::perf
