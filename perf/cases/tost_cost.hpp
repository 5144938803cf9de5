// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/tost_config.hpp"
#include "perf/cases/cross_entropy.hpp"
#include "perf/cases/layer_norm.hpp"
#include "perf/cases/linear.hpp"
#include "perf/cases/tssa.hpp"

namespace krate::perf {

/// Of a number: an error function and what is around it, and their derivatives.
inline constexpr double gelu_flops = 4, gelu_backward_flops = 9;

/// Floating-point operations of a ToST, summed over its layers.
struct TostFlops {
  models::TostConfig model;
  double images, patches, dim, hidden, classes;

  TostFlops(models::TostConfig const& c, std::size_t batch)
      : model(c),
        images(static_cast<double>(batch)),
        patches(images * static_cast<double>(c.patches())),
        dim(static_cast<double>(c.dim)),
        hidden(models::TostConfig::mlp_ratio * dim),
        classes(static_cast<double>(c.classes)) {}

  /// Forward, or backward, of the convolutions: products, batch norm with its sums, GELU.
  double stem(bool backward) const {
    double flops = 0, channels = static_cast<double>(model.channels);
    double rows = images * static_cast<double>(model.image_size.height) * static_cast<double>(model.image_size.width);
    bool first = true;
    for (auto const w : model.widths()) {
      auto const width = static_cast<double>(w);
      rows /= 4;
      double const product = product_flops(rows, 9 * channels, width);
      // The images' gradient is not wanted; each other pixel's is a sum of nine quarters.
      flops += backward ? product * (first ? 1 : 2) + 12 * rows * width + (first ? 0 : 9 * rows * channels)
                        : product + 7 * rows * width;
      if (width != dim) flops += (backward ? gelu_backward_flops : gelu_flops) * rows * width;
      channels = width;
      first = false;
    }
    return flops;
  }
  double mlp(double rows) const {
    return linear_flops(rows, dim, hidden) + gelu_flops * rows * hidden + linear_flops(rows, hidden, dim);
  }
  /// GELU's output is computed anew.
  double mlp_backward(double rows) const {
    return linear_backward_flops(rows, dim, hidden) + linear_backward_flops(rows, hidden, dim) +
           (gelu_flops + gelu_backward_flops) * rows * hidden;
  }
  double block() const {
    return 2 * layer_norm_flops(patches, dim) + 2 * linear_flops(patches, dim, dim) + tssa_flops * patches * dim +
           mlp(patches) + 4 * patches * dim;
  }
  /// The outputs of both norms and of the statistics are computed anew.
  double block_backward() const {
    return 2 * (layer_norm_flops(patches, dim) + layer_norm_backward_flops(patches, dim, InputGradient::add)) +
           2 * linear_backward_flops(patches, dim, dim) + (tssa_flops + tssa_backward_flops) * patches * dim +
           mlp_backward(patches) + 6 * patches * dim;
  }
  double class_layer() const {
    double const rows = patches + images;
    return 2 * layer_norm_flops(rows, dim) + linear_flops(rows, dim, 3 * dim) + 4 * rows * dim +
           linear_flops(images, dim, dim) + 3 * rows * dim + mlp(images) + 2 * images * dim;
  }
  double class_layer_backward() const {
    double const rows = patches + images;
    return 2 * layer_norm_backward_flops(rows, dim, InputGradient::add) + linear_backward_flops(rows, dim, 3 * dim) +
           9 * rows * dim + linear_backward_flops(images, dim, dim) + 5 * rows * dim + mlp_backward(images) +
           5 * images * dim;
  }
  double forward() const {
    return stem(false) + linear_flops(static_cast<double>(model.patches()), 64, dim) + patches * dim +
           static_cast<double>(model.depth) * block() + static_cast<double>(model.class_layers) * class_layer() +
           layer_norm_flops(images, dim) + linear_flops(images, dim, classes);
  }
  double inference() const { return forward(); }
  double backward() const {
    double const positions = static_cast<double>(model.patches());
    return stem(true) + product_flops(positions, 64, dim) + positions * dim + patches * dim +
           static_cast<double>(model.depth) * block_backward() +
           static_cast<double>(model.class_layers) * class_layer_backward() +
           layer_norm_backward_flops(images, dim, InputGradient::write) + linear_backward_flops(images, dim, classes);
  }
};
inline TostFlops flops_of(models::TostConfig const& c, std::size_t batch) {
  return {c, batch};
}
inline double loss_flops(models::TostConfig const& c, std::size_t batch) {
  auto const images = static_cast<double>(batch), classes = static_cast<double>(c.classes);
  return cross_entropy_flops(images, classes) + cross_entropy_backward_flops(images, classes);
}
inline std::size_t classes_of(models::TostConfig const& c) {
  return c.classes;
}

/// How many numbers a ToST holds at least, in double so that no size overflows.
struct TostMemory {
  double parameters, patches, tokens, scores = 0;
  TostMemory(models::TostConfig const& c, std::size_t batch) {
    auto const n = [](std::size_t x) { return static_cast<double>(x); };
    double const d = n(c.dim), pixels = n(c.image_size.height) * n(c.image_size.width), side = n(c.patch_size);
    parameters = d * (10 * d * n(c.depth) + 12 * d * n(c.class_layers) + n(c.classes));
    tokens = n(batch) * pixels / (side * side) * d;
    patches = n(batch) * pixels * n(c.channels);
  }
};
inline TostMemory memory_of(models::TostConfig const& c, std::size_t batch) {
  return {c, batch};
}

}  // namespace krate::perf
