// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/models/tost_causal_config.hpp"

#include "models/tost_fields.hpp"

namespace krate::models {

namespace {
constexpr char const* in_tost_causal_config = "krate::models::TostCausalConfig";
}

void TostCausalConfig::validate() const {
  require_size(in_tost_causal_config, vocabulary, "vocabulary");
  require_size(in_tost_causal_config, context, "context");
  require_transformer(in_tost_causal_config, *this);
}

Configuration TostCausalConfig::configuration() const {
  Configuration c;
  c.set("model", "tost_causal");
  c.set("vocab_size", vocabulary);
  c.set("block_size", context);
  c.set("bias", bias);
  store_tost_blocks(*this, c);
  return c;
}

TostCausalConfig TostCausalConfig::from(Configuration const& stored) {
  TostCausalConfig c;
  c.vocabulary = stored_size(in_tost_causal_config, stored, "vocab_size");
  c.context = stored_size(in_tost_causal_config, stored, "block_size");
  c.bias = stored.get<std::int64_t>("bias", 0) != 0;
  read_tost_blocks(in_tost_causal_config, stored, c);
  c.validate();
  return c;
}

TostCausalConfig tost_causal_config(std::string const& name, std::size_t vocabulary) {
  struct Size {
    char const* name;
    std::size_t dim, depth, heads;
  };
  constexpr Size sizes[] = {{"base", 768, 12, 12}, {"medium", 1024, 24, 16}, {"large", 1280, 36, 20}};
  for (auto const& s : sizes) {
    if (name == s.name)
      return {.vocabulary = vocabulary, .context = 1024, .dim = s.dim, .depth = s.depth, .heads = s.heads};
  }
  throw ValueError("krate::models::tost_causal_config",
                   "there is no size named " + name + "; use base, medium or large");
}

}  // namespace krate::models
