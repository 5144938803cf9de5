// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/models/causal_crate_config.hpp"

#include "models/transformer_fields.hpp"

namespace krate::models {

namespace {
constexpr char const* where = "krate::models::CausalCrateConfig";
}

void CausalCrateConfig::validate() const {
  require_size(where, vocabulary, "vocabulary");
  require_size(where, context, "context");
  require_blocks(where, *this);
}

Configuration CausalCrateConfig::configuration() const {
  Configuration c;
  c.set("model", "causal_crate");
  c.set("vocab_size", vocabulary);
  c.set("block_size", context);
  store_blocks(*this, c);
  return c;
}

CausalCrateConfig CausalCrateConfig::from(Configuration const& stored) {
  CausalCrateConfig c;
  c.vocabulary = stored_size(where, stored, "vocab_size");
  c.context = stored_size(where, stored, "block_size");
  read_blocks(where, stored, c);
  c.validate();
  return c;
}

CausalCrateConfig causal_crate_config(std::string const& name, std::size_t vocabulary) {
  struct Size {
    char const* name;
    std::size_t dim, depth, heads;
  };
  constexpr Size sizes[] = {{"1l", 512, 1, 8},
                            {"base", 768, 12, 12},
                            {"medium", 1024, 24, 16},
                            {"large", 1280, 36, 20},
                            {"xl", 1600, 48, 25}};
  for (auto const& s : sizes) {
    if (name != s.name) continue;
    return {.vocabulary = vocabulary, .context = 1024, .dim = s.dim, .depth = s.depth, .heads = s.heads};
  }
  throw ValueError("krate::models::causal_crate_config",
                   "there is no size named " + name + "; use 1l, base, medium, large or xl");
}

}  // namespace krate::models
