// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/crate_config.hpp"
#include "krate/models/sparse_coding.hpp"

namespace krate::models {

/// A CRATE-alpha image classifier: a CRATE with overcomplete coding, the convolution of a patch as its embedding, no
/// bias behind attention, and class token pooling. Field names are those of model files.
struct CrateAlphaConfig : CrateConfig {
  /// What the authors changed, one after the other: each has what those before it have.
  enum class Variant {
    overcomplete,  ///< two steps of ISTA with more atoms than features, which also decode
    decoupled,     ///< another dictionary decodes
    residual       ///< the decoded code is added to the tokens: CRATE-alpha
  };
  Variant variant = Variant::residual;
  std::size_t expansion = 4;    ///< atoms a feature
  double head_norm_eps = 1e-6;  ///< 1e-5 in the authors' PyTorch port
  /// The vision tower of CRATE-alpha-CLIPA: no bias in convolution and head, whose `classes` are the features of the
  /// image's embedding, and other names in the authors' files.
  bool clip = false;

  CrateAlphaConfig() { norm_eps = 1e-6; }

  SparseCoding coding() const {
    return {.expansion = expansion,
            .own_decoder = variant != Variant::overcomplete,
            .residual = variant == Variant::residual};
  }
  /// @throws ValueError naming the field that cannot work and why
  void validate() const;
  /// As CrateConfig::configuration(), `model` = "crate_alpha", and `variant`, `expansion`, `head_norm_eps`, `clip`.
  Configuration configuration() const;
  /// @throws ValueError for what is missing, of another type, or cannot work
  static CrateAlphaConfig from(Configuration const& stored);
  bool operator==(CrateAlphaConfig const&) const = default;
};

/// "overcomplete", "decoupled", "residual"
char const* name(CrateAlphaConfig::Variant variant);
/// @throws ValueError for another name, listing these
CrateAlphaConfig::Variant parse_alpha_variant(std::string const& name);

/// The authors' sizes, "Ti/16", "S/16", "B/32", "L/14", "H/14" and so on, for 224 x 224 RGB images: widths Ti, S, B, L
/// and H, with any patch that divides the image.
/// @throws ValueError for another name, saying so
CrateAlphaConfig crate_alpha_config(std::string const& name, std::size_t classes = 1000);

/// The same of the vision towers of CRATE-alpha-CLIPA, whose embeddings have 1024 features.
CrateAlphaConfig crate_alpha_clip_config(std::string const& name);

}  // namespace krate::models
