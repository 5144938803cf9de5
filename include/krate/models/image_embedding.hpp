// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

#include "krate/core/parameters.hpp"
#include "krate/core/types.hpp"
#include "krate/core/workspace.hpp"
#include "krate/models/crate_config.hpp"
#include "krate/models/parameter_table.hpp"
#include "krate/models/pass.hpp"
#include "krate/nn/patch_embedding.hpp"

namespace krate::models {

/// A parameter as a family's files name it, and its start.
struct NamedStart {
  std::string official;
  Initial initial;
};

struct ImageEmbeddingConfig {
  Extent2 image_size, patch_size;
  std::size_t channels = 1, dim = 0;
  NamedStart positions, class_token;
  NamedStart map;           ///< of a patch: its weight; without .weight
  Initial bias{};           ///< start of the map's bias
  bool biased = true;       ///< the map has one
  bool convolution = true;  ///< the authors' weight is that of a convolution, [dim, channels, height, width]
  bool axes_of_one = true;  ///< the authors' token and table have leading axes of 1
  /// The authors' names of the norms before and behind the map; empty: there are none.
  std::string norm_patches{}, norm_embedded{};
  double norm_eps = 1e-5;

  bool norms() const { return !norm_patches.empty(); }
  std::size_t patch_dim() const { return channels * patch_size.height * patch_size.width; }
  std::size_t patches() const {
    return (image_size.height / patch_size.height) * (image_size.width / patch_size.width);
  }
  PatchOptions patching() const {
    return {patch_size.height, patch_size.width, convolution ? PatchOrder::channel_first : PatchOrder::channel_last};
  }
};

/// What the forward pass leaves for the backward pass.
template <class Space, class T>
struct ImageEmbeddingState {
  Matrix<T, Space> patches, patches_normed;    ///< [batch * patches, patch_dim]; normed: empty without norms
  Matrix<T, Space> embedded, embedded_normed;  ///< [batch * patches, dim]
  Vector<T, Space> mean_patches, deviation_patches, mean_embedded, deviation_embedded;
};

/// From an image to a classifier's tokens: a linear map of each patch, between norms or alone; the class token before
/// them; and the positions of all.
template <class Space, class T>
class ImageEmbedding {
 public:
  using State = ImageEmbeddingState<Space, T>;

  ImageEmbedding() = default;
  ImageEmbedding(ParameterTable& table, ImageEmbeddingConfig const& config);

  /// Of an image.
  std::size_t tokens() const { return config_.patches() + 1; }
  ImageEmbeddingConfig const& config() const { return config_; }
  std::size_t positions() const { return positions_; }
  std::size_t map_weight() const { return map_weight_; }
  /// Its entries are [first(), last()).
  std::size_t first() const { return positions_; }
  std::size_t last() const { return last_; }

  void cut(Workspace<Space>& work, std::size_t batch, Pass pass, State& state) const;
  /// Bytes that forward() takes.
  std::size_t workspace(std::size_t, Pass) const { return 0; }
  /// Bytes that backward() takes.
  std::size_t backward_workspace(std::size_t batch) const;

  /// @param images  [batch, channels, height, width]     @param tokens  [batch, patches + 1, dim], written
  /// @note allocates: no; fences: no; bitwise repeatable: yes
  void forward(Space const& space, ParameterList<Space, T> const& parameters, ConstTensor4<T, Space> const& images,
               State const& state, Workspace<Space> work, Tensor3<T, Space> const& tokens) const;
  /// Adds to the gradients of the parameters.
  /// @param dimages  written; extents of 0: not wanted     @note allocates: no; fences: no; bitwise repeatable: yes
  void backward(Space const& space, ParameterList<Space, T> const& parameters, State const& state,
                Tensor3<T, Space> const& dtokens, Workspace<Space> work, Tensor4<T, Space> const& dimages) const;

 private:
  struct Norm {
    std::size_t weight, bias;
  };
  Vector<T, Space> map_bias(ParameterList<Space, T> const& list, bool gradient) const;

  ImageEmbeddingConfig config_;
  std::size_t positions_ = 0, class_token_ = 0, map_weight_ = 0, map_bias_ = 0, last_ = 0;
  Norm norm_patches_{}, norm_embedded_{};
};

}  // namespace krate::models
