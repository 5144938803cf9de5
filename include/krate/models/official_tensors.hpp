// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <map>
#include <string>
#include <vector>

#include "krate/core/configuration.hpp"
#include "krate/io/tensor_file.hpp"
#include "krate/models/parameter_table.hpp"

namespace krate::models {

/// A file of the authors' parameters by their official names: the prefixes `module.` and `_orig_mod.`, which PyTorch's
/// wrappers put in front, are taken off, and integer and bool buffers are set aside. The reader must outlive it.
class OfficialTensors {
 public:
  /// @throws IoError if two names become one
  explicit OfficialTensors(io::TensorFile const& file);

  io::TensorFile const& file() const { return *file_; }
  /// None: the file has no such tensor.
  io::TensorInfo const* find(std::string const& name) const;
  std::vector<std::string> const& buffers() const { return buffers_; }

  /// Whether the file gives the chain's map as two.
  bool has(OfficialChain const& chain) const { return find(chain.second + ".weight") != nullptr; }

  /// How many tensors belong to other models in the file.
  std::size_t foreign(ParameterTable const& table) const;

  /// Checks every name and shape, before memory is taken for a model.
  /// @throws IoError listing a few of the names that are missing, too many, or of another shape
  void require_fit(ParameterTable const& table) const;

  /// What the metadata key `config` says; empty without it. @throws IoError if it is no JSON object
  Configuration configuration() const;

 private:
  io::TensorFile const* file_;
  std::map<std::string, io::TensorInfo const*> tensors_;
  std::vector<std::string> buffers_;
};

/// Fills in what the shapes of a Crate's tensors tell and `known` does not have yet: dim, depth, num_classes,
/// dim_head; channels, patch_size and image_size where images and patches are square.
/// @return the names that are still unknown, such as "heads"
/// @throws IoError if tensors are missing that every Crate has; ValueError if what is known cannot fit the shapes
std::vector<std::string> complete_crate(OfficialTensors const& tensors, Configuration& known);
/// The same for a CausalCrate: vocab_size, block_size, dim, depth, dim_head.
std::vector<std::string> complete_causal_crate(OfficialTensors const& tensors, Configuration& known);
/// The same for a CrateBert: vocab_size, max_position_embeddings, type_vocab_size, dim, depth, dim_head.
std::vector<std::string> complete_crate_bert(OfficialTensors const& tensors, Configuration& known);
/// The same of a CrateAlpha, `expansion` and `variant` included: a file without a decoder is "overcomplete", and one
/// with the names of CRATE-alpha-CLIPA `clip`.
std::vector<std::string> complete_crate_alpha(OfficialTensors const& tensors, Configuration& known);
/// The same of a CrateMae, `decoder_depth` included; the decoder has as many heads as the encoder.
std::vector<std::string> complete_crate_mae(OfficialTensors const& tensors, Configuration& known);
/// The same for a Vit: dim, depth, num_classes, channels, patch_size, image_size, dim_head; for a Gpt2: vocab_size,
/// block_size, dim, depth, dim_head.
std::vector<std::string> complete_vit(OfficialTensors const& tensors, Configuration& known);
std::vector<std::string> complete_gpt2(OfficialTensors const& tensors, Configuration& known);

}  // namespace krate::models
