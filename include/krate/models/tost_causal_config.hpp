// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <string>

#include "krate/core/configuration.hpp"

namespace krate::models {

/// A causal ToST, a language model.
struct TostCausalConfig {
  std::size_t vocabulary = 256;
  std::size_t context = 256;  ///< most tokens that it sees at once
  std::size_t dim = 64, depth = 4, heads = 4;
  std::size_t dim_head = 0;  ///< 0: dim / heads
  double norm_eps = 1e-5;
  bool bias = false;  ///< of linear maps and norms
  double label_smoothing = 0;

  static constexpr std::size_t mlp_ratio = 4;

  std::size_t head_dim() const { return dim_head ? dim_head : dim / heads; }

  /// @throws ValueError naming the field that cannot work and why
  void validate() const;

  /// As a model file has it: `model` = "tost_causal", `vocab_size` for vocabulary, `block_size` for context.
  Configuration configuration() const;
  /// The other way round. @throws ValueError for what is missing, of another type, or cannot work
  static TostCausalConfig from(Configuration const& stored);
  bool operator==(TostCausalConfig const&) const = default;
};

/// The sizes of the authors' programs: "base", "medium", "large"; 1,024 tokens.
/// @throws ValueError for another name, listing these
TostCausalConfig tost_causal_config(std::string const& name, std::size_t vocabulary = 50304);

}  // namespace krate::models
