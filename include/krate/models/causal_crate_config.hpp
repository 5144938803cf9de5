// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <string>

#include "krate/core/configuration.hpp"
#include "krate/linalg/impl/products_decl.hpp"

namespace krate::models {

/// A causal CRATE, a language model.
struct CausalCrateConfig {
  std::size_t vocabulary = 256;
  std::size_t context = 256;  ///< most tokens that it sees at once
  std::size_t dim = 64, depth = 4, heads = 4;
  std::size_t dim_head = 0;  ///< 0: dim / heads
  double eta = 0.1, lambda = 0.1, norm_eps = 1e-5;
  double label_smoothing = 0;
  bool overcomplete = false;           ///< 4 atoms a feature, which also decode, and a norm before the head
  Products products = Products::full;  ///< of the blocks; it is not stored with the model

  static constexpr std::size_t expansion = 4;  ///< of overcomplete coding

  std::size_t head_dim() const { return dim_head ? dim_head : dim / heads; }

  /// @throws ValueError naming the field that cannot work and why
  void validate() const;

  /// As a model file has it: `model` = "causal_crate", `vocab_size` for vocabulary, `block_size` for context.
  Configuration configuration() const;
  /// The other way round. @throws ValueError for what is missing, of another type, or cannot work
  static CausalCrateConfig from(Configuration const& stored);
  bool operator==(CausalCrateConfig const&) const = default;
};

/// The sizes of the authors' programs, which follow GPT-2: "base", "medium", "large", "xl", and "1l" of one layer;
/// "overcomplete_base" and "overcomplete_1l"; 1,024 tokens.
/// @throws ValueError for another name, listing these
CausalCrateConfig causal_crate_config(std::string const& name, std::size_t vocabulary = 50304);

}  // namespace krate::models
