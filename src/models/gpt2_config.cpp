// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/models/gpt2_config.hpp"

#include "models/transformer_fields.hpp"

namespace krate::models {

namespace {
constexpr char const* in_gpt2_config = "krate::models::Gpt2Config";
}

void Gpt2Config::validate() const {
  require_size(in_gpt2_config, vocabulary, "vocabulary");
  require_size(in_gpt2_config, context, "context");
  require_transformer(in_gpt2_config, *this);
}

Configuration Gpt2Config::configuration() const {
  Configuration c;
  c.set("model", "gpt2");
  c.set("vocab_size", vocabulary);
  c.set("block_size", context);
  store_transformer(*this, c);
  return c;
}

Gpt2Config Gpt2Config::from(Configuration const& stored) {
  Gpt2Config c;
  c.vocabulary = stored_size(in_gpt2_config, stored, "vocab_size");
  c.context = stored_size(in_gpt2_config, stored, "block_size");
  read_transformer(in_gpt2_config, stored, c);
  c.validate();
  return c;
}

Gpt2Config gpt2_config(std::string const& name, std::size_t vocabulary) {
  struct Size {
    char const* name;
    std::size_t dim, depth, heads;
  };
  constexpr Size sizes[] = {
      {"base", 768, 12, 12}, {"medium", 1024, 24, 16}, {"large", 1280, 36, 20}, {"xl", 1600, 48, 25}};
  for (auto const& s : sizes) {
    if (name == s.name)
      return {.vocabulary = vocabulary, .context = 1024, .dim = s.dim, .depth = s.depth, .heads = s.heads};
  }
  throw ValueError("krate::models::gpt2_config", "there is no size named " + name + "; use base, medium, large or xl");
}

}  // namespace krate::models
