// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/network_options.hpp"

#include "krate/core/error.hpp"
#include "krate/models/causal_crate_config.hpp"
#include "krate/models/crate_alpha_config.hpp"
#include "krate/models/crate_bert_config.hpp"
#include "krate/models/crate_mae_config.hpp"
#include "krate/models/gpt2_config.hpp"
#include "krate/models/tost_causal_config.hpp"
#include "krate/models/tost_config.hpp"
#include "krate/models/vit_config.hpp"

namespace krate::tools {

namespace {

/// An option and what model files call it.
struct NetworkOption {
  char const *option, *key;
};
constexpr NetworkOption network_options[] = {{"dim", "dim"},
                                             {"depth", "depth"},
                                             {"heads", "heads"},
                                             {"dim-head", "dim_head"},
                                             {"pool", "pool"},
                                             {"patch-size", "patch_size"},
                                             {"eta", "eta"},
                                             {"lambda", "lambda"},
                                             {"variant", "variant"},
                                             {"expansion", "expansion"},
                                             {"bias", "bias"},
                                             {"overcomplete", "overcomplete"},
                                             {"decoder-depth", "decoder_depth"},
                                             {"decoder-heads", "decoder_heads"},
                                             {"context", "block_size"},
                                             {"vocabulary", "vocab_size"},
                                             {"attention", "attention"},
                                             {"feed-forward", "feed_forward"},
                                             {"patch-embedding", "patch_embedding"}};

OptionValue as_option(Attribute const& value, std::string const& option) {
  struct Convert {
    bool flag;
    OptionValue operator()(std::int64_t v) const { return flag ? OptionValue(v != 0) : OptionValue(v); }
    OptionValue operator()(double v) const { return v; }
    OptionValue operator()(std::string const& v) const { return v; }
    OptionValue operator()(std::vector<std::int64_t> const& v) const { return Pair{v.front(), v.back()}; }
    OptionValue operator()(std::vector<double> const& v) const { return v.front(); }
  };
  return std::visit(Convert{option == "bias" || option == "overcomplete"}, value);
}

Configuration network_of_size(std::string const& model, std::string const& size) {
  if (model == "crate") return models::crate_config(size).configuration();
  if (model == "crate_alpha") return models::crate_alpha_config(size).configuration();
  if (model == "crate_mae") return models::crate_mae_config(size).configuration();
  if (model == "crate_bert") return models::crate_bert_config(size).configuration();
  if (model == "tost") return models::tost_config(size).configuration();
  if (model == "vit") return models::vit_config(size).configuration();
  if (model == "gpt2") return models::gpt2_config(size).configuration();
  if (model == "tost_causal") return models::tost_causal_config(size).configuration();
  return models::causal_crate_config(size, 1).configuration();
}

}  // namespace

void adopt_network(OptionTable& options, Configuration const& network, std::string const& owner,
                   std::set<std::string> const& free) {
  for (auto const& entry : network.entries()) {
    for (auto const& [option, key] : network_options) {
      if (entry.name != key || !options.applies(option) || (free.count(option) && options.is_set(option))) continue;
      if (options.adopt(option, as_option(entry.value, option))) continue;
      throw ValueError("krate::options",
                       std::string("--") + option + " is not that of " + owner + ", which says it already; remove it");
    }
  }
}

void adopt_size(OptionTable& options) {
  if (!options.has_value("size")) return;
  auto const size = options.get<std::string>("size");
  auto const whole = network_of_size(options.get<std::string>("model"), size);
  Configuration network;
  for (auto const& entry : whole.entries())
    if (entry.name != "vocab_size" && entry.name != "block_size") network.set(entry.name, entry.value);
  if (network.get<std::int64_t>("overcomplete", 0) != 0 && !options.applies("overcomplete"))
    throw NotBuiltError("krate::options", "--size " + size + " is not measured yet (its coding); use base");
  adopt_network(options, network, "--size " + size, {"patch-size"});
}

}  // namespace krate::tools
