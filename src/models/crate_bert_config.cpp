// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/models/crate_bert_config.hpp"

#include "models/transformer_fields.hpp"

namespace krate::models {

namespace {
constexpr char const* in_crate_bert_config = "krate::models::CrateBertConfig";
}

void CrateBertConfig::validate() const {
  require_size(in_crate_bert_config, vocabulary, "vocabulary");
  require_size(in_crate_bert_config, context, "context");
  require_size(in_crate_bert_config, token_types, "token_types");
  require_value(padding >= 0 && static_cast<std::size_t>(padding) < vocabulary, in_crate_bert_config, "padding",
                padding, "must be an id of the vocabulary");
  require_value(embedding_norm_eps > 0, in_crate_bert_config, "embedding_norm_eps", embedding_norm_eps,
                "must be positive; CRATE-BERT uses 1e-12");
  require_blocks(in_crate_bert_config, *this);
}

Configuration CrateBertConfig::configuration() const {
  Configuration c;
  c.set("model", "crate_bert");
  c.set("vocab_size", vocabulary);
  c.set("max_position_embeddings", positions());
  c.set("type_vocab_size", token_types);
  c.set("pad_token_id", static_cast<std::int64_t>(padding));
  c.set("embedding_norm_eps", embedding_norm_eps);
  store_blocks(*this, c);
  return c;
}

CrateBertConfig CrateBertConfig::from(Configuration const& stored) {
  CrateBertConfig c;
  c.vocabulary = stored_size(in_crate_bert_config, stored, "vocab_size");
  if (stored.has("type_vocab_size")) c.token_types = stored_size(in_crate_bert_config, stored, "type_vocab_size");
  if (stored.has("pad_token_id"))
    c.padding = static_cast<Label>(stored_size(in_crate_bert_config, stored, "pad_token_id"));
  std::size_t const positions = stored_size(in_crate_bert_config, stored, "max_position_embeddings"),
                    lost = static_cast<std::size_t>(c.padding) + 1;
  require_value(positions > lost, in_crate_bert_config, "max_position_embeddings", positions,
                ("must be larger than pad_token_id + 1 = " + std::to_string(lost)).c_str());
  c.context = positions - lost;
  c.embedding_norm_eps = stored.get<double>("embedding_norm_eps", c.embedding_norm_eps);
  read_blocks(in_crate_bert_config, stored, c);
  c.validate();
  return c;
}

CrateBertConfig crate_bert_config(std::string const& name) {
  if (name == "base") return {.vocabulary = 50265, .context = 510, .dim = 768, .depth = 12, .heads = 12};
  throw ValueError("krate::models::crate_bert_config", "there is no size named " + name + "; use base");
}

}  // namespace krate::models
