// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/models/causal_crate_config.hpp"

#include "models/transformer_fields.hpp"

namespace krate::models {

namespace {
constexpr char const* in_causal_crate_config = "krate::models::CausalCrateConfig";
constexpr std::size_t expansion = CausalCrateConfig::expansion;
}  // namespace

void CausalCrateConfig::validate() const {
  require_size(in_causal_crate_config, vocabulary, "vocabulary");
  require_size(in_causal_crate_config, context, "context");
  require_blocks(in_causal_crate_config, *this);
}

Configuration CausalCrateConfig::configuration() const {
  Configuration c;
  c.set("model", "causal_crate");
  c.set("vocab_size", vocabulary);
  c.set("block_size", context);
  c.set("overcomplete", overcomplete);
  if (overcomplete) {
    c.set("expansion", expansion);
    c.set("ista_steps", std::size_t(2));
  }
  store_blocks(*this, c);
  return c;
}

CausalCrateConfig CausalCrateConfig::from(Configuration const& stored) {
  CausalCrateConfig c;
  c.vocabulary = stored_size(in_causal_crate_config, stored, "vocab_size");
  c.context = stored_size(in_causal_crate_config, stored, "block_size");
  c.overcomplete = stored.get<std::int64_t>("overcomplete", 0) != 0;
  for (auto const& [name, only] : {std::pair{"expansion", expansion}, {"ista_steps", std::size_t(2)}}) {
    if (!c.overcomplete || !stored.has(name)) continue;
    require_value(stored_size(in_causal_crate_config, stored, name) == only, in_causal_crate_config, name,
                  stored_size(in_causal_crate_config, stored, name),
                  ("must be " + std::to_string(only) + " in this version of krate").c_str());
  }
  read_blocks(in_causal_crate_config, stored, c);
  c.validate();
  return c;
}

CausalCrateConfig causal_crate_config(std::string const& name, std::size_t vocabulary) {
  struct Size {
    char const* name;
    std::size_t dim, depth, heads;
    bool overcomplete = false;
  };
  constexpr Size sizes[] = {{"1l", 512, 1, 8},
                            {"overcomplete_base", 768, 12, 12, true},
                            {"overcomplete_1l", 768, 1, 1, true},
                            {"base", 768, 12, 12},
                            {"medium", 1024, 24, 16},
                            {"large", 1280, 36, 20},
                            {"xl", 1600, 48, 25}};
  for (auto const& s : sizes) {
    if (name != s.name) continue;
    return {.vocabulary = vocabulary,
            .context = 1024,
            .dim = s.dim,
            .depth = s.depth,
            .heads = s.heads,
            .overcomplete = s.overcomplete};
  }
  throw ValueError(
      "krate::models::causal_crate_config",
      "there is no size named " + name + "; use 1l, base, medium, large, xl, overcomplete_1l or overcomplete_base");
}

}  // namespace krate::models
