// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>

#include "krate/core/configuration.hpp"
#include "krate/core/types.hpp"
#include "krate/linalg/impl/products_decl.hpp"

namespace krate::models {

/// A CRATE-BERT, which fills in tokens that are masked.
struct CrateBertConfig {
  std::size_t vocabulary = 257;
  std::size_t context = 256;  ///< most tokens that it sees at once
  std::size_t token_types = 2;
  Label padding = 1;  ///< the id of tokens that fill samples up
  std::size_t dim = 64, depth = 4, heads = 4;
  std::size_t dim_head = 0;  ///< 0: dim / heads
  double eta = 0.1, lambda = 0.1, norm_eps = 1e-5;
  double embedding_norm_eps = 1e-12;  ///< of the norms after the embeddings and before the decoder
  double label_smoothing = 0;
  Products products = Products::full;  ///< of the blocks; it is not stored with the model

  std::size_t head_dim() const { return dim_head ? dim_head : dim / heads; }
  /// Rows of the position table: those up to the padding's own are no token's.
  std::size_t positions() const { return context + static_cast<std::size_t>(padding) + 1; }

  /// @throws ValueError naming the field that cannot work and why
  void validate() const;

  /// As a model file has it: `model` = "crate_bert", `vocab_size`, `max_position_embeddings` for positions(),
  /// `type_vocab_size`, `pad_token_id`.
  Configuration configuration() const;
  /// The other way round. @throws ValueError for what is missing, of another type, or cannot work
  static CrateBertConfig from(Configuration const& stored);
  bool operator==(CrateBertConfig const&) const = default;
};

/// The size of the authors' program, "base": 12 blocks of width 768, 510 tokens, a vocabulary of 50,265.
/// @throws ValueError for another name
CrateBertConfig crate_bert_config(std::string const& name);

}  // namespace krate::models
