// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <string>

#include "krate/core/configuration.hpp"
#include "krate/linalg/impl/products_decl.hpp"

namespace krate::models {

/// A language model of the shape of GPT-2.
struct Gpt2Config {
  std::size_t vocabulary = 256;
  std::size_t context = 256;  ///< most tokens that it sees at once
  std::size_t dim = 64, depth = 4, heads = 4;
  std::size_t dim_head = 0;  ///< 0: dim / heads
  double norm_eps = 1e-5;
  double label_smoothing = 0;
  Products products = Products::full;  ///< of the blocks; it is not stored with the model

  static constexpr std::size_t mlp_ratio = 4;

  std::size_t head_dim() const { return dim_head ? dim_head : dim / heads; }

  /// @throws ValueError naming the field that cannot work and why
  void validate() const;

  /// As a model file has it: `model` = "gpt2", `vocab_size` for vocabulary, `block_size` for context.
  Configuration configuration() const;
  /// The other way round. @throws ValueError for what is missing, of another type, or cannot work
  static Gpt2Config from(Configuration const& stored);
  bool operator==(Gpt2Config const&) const = default;
};

/// The sizes of GPT-2: "base", "medium", "large", "xl"; 1,024 tokens.
/// @throws ValueError for another name, listing these
Gpt2Config gpt2_config(std::string const& name, std::size_t vocabulary = 50257);

}  // namespace krate::models
