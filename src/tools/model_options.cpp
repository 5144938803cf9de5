// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/model_options.hpp"

#include "tools/augmentation.hpp"

namespace krate::tools {

namespace {

bool is_mcr2(OptionTable const& o) {
  return o.get<std::string>("objective") == "mcr2";
}

void require_objective_has(OptionTable const& o, char const* name, char const* owner) {
  if (!o.is_set(name)) return;
  throw ValueError("krate::train", std::string("--") + name + " means nothing to --objective " +
                                       o.get<std::string>("objective") + " (it belongs to " + owner + "); remove it");
}

std::size_t size(OptionTable const& o, char const* name) {
  return o.get<std::size_t>(name);
}

std::optional<Mcr2Objective> objective_of(OptionTable const& o) {
  if (!is_mcr2(o)) return {};
  return Mcr2Objective{o.get<double>("eps-squared"), o.get<double>("frobenius")};
}

void require_augment(OptionTable const& o, bool text) {
  auto const augment = o.get<std::string>("augment");
  auto const asked = parse_augmentation(augment);
  if (augment == "none" || asked.windows == text) return;
  throw ValueError("krate::train",
                   "--augment " + augment + " means nothing to the model " + o.get<std::string>("model") +
                       " (it moves " + (text ? "images" : "texts") + "); use " +
                       (text ? "none or windows" : "none, or shift1 or shift2, flip and crop, joined by +"));
}

/// Of a model that reads tokens.
void resolve_text_options(OptionTable& o, io::DatasetDescription const& data) {
  auto const model = o.get<std::string>("model");
  require_value(data.kind == io::SampleKind::tokens && data.label_size() == data.sample_size(), "krate::train",
                "--data", data.origin,
                ("must hold tokens [n, T] in /samples/tokens and a label for each for the model " + model).c_str());
  o.resolve<double>("label-smoothing", 0);
  o.resolve<std::int64_t>("dim", 64);
  if (model != "tost_causal" && model != "gpt2") {
    o.resolve<double>("eta", 0.1);
    o.resolve<double>("lambda", 0.1);
  }
  std::int64_t const known = data.classes + (model == "crate_bert");  // and the mask
  o.resolve<std::int64_t>("vocabulary", known);
  o.resolve<std::int64_t>("context", static_cast<std::int64_t>(data.sample_size()));
  require_value(o.get<std::int64_t>("vocabulary") >= known, "krate::train", "--vocabulary",
                o.get<std::int64_t>("vocabulary"),
                ("must be at least " + std::to_string(known) + ", which the dataset needs").c_str());
  require_value(o.get<std::size_t>("context") >= data.sample_size(), "krate::train", "--context",
                o.get<std::size_t>("context"),
                ("must be at least the " + std::to_string(data.sample_size()) + " tokens of a sample").c_str());
}

void resolve_mae_options(OptionTable& o) {
  o.resolve<std::int64_t>("dim", 64);
  o.resolve<double>("eta", 0.1);
  o.resolve<double>("lambda", 0.5);
  o.resolve<std::int64_t>("decoder-depth", o.get<std::int64_t>("depth"));
  o.resolve<std::int64_t>("decoder-heads", o.get<std::int64_t>("heads"));
}

/// Images, patches and blocks, of a model that has these.
template <class Config>
void fill_blocks(OptionTable const& o, io::DatasetDescription const& data, Config& c) {
  auto const patch = o.get<Pair>("patch-size");
  require_value(patch.rows > 0 && patch.columns > 0, "krate::train", "--patch-size", patch.rows, "must be positive");
  c.channels = data.sample_shape[0];
  c.image_size = {data.sample_shape[1], data.sample_shape[2]};
  c.patch_size = {static_cast<std::size_t>(patch.rows), static_cast<std::size_t>(patch.columns)};
  c.dim = size(o, "dim");
  c.depth = size(o, "depth");
  c.heads = size(o, "heads");
  c.dim_head = o.has_value("dim-head") ? size(o, "dim-head") : 0;
  if constexpr (requires { c.eta; }) {
    c.eta = o.get<double>("eta");
    c.lambda = o.get<double>("lambda");
  }
}

}  // namespace

void resolve_model_options(OptionTable& o, io::DatasetDescription const& data) {
  auto const model = o.get<std::string>("model");
  bool const text = model == "causal_crate" || model == "crate_bert" || model == "tost_causal" || model == "gpt2";
  require_augment(o, text);
  if (text) return resolve_text_options(o, data);
  require_value(data.kind == io::SampleKind::images, "krate::train", "--data", data.origin,
                ("must hold images [n, C, H, W] in /samples/images for the model " + model).c_str());
  if (model == "crate_mae") return resolve_mae_options(o);
  if (is_mcr2(o)) {
    require_objective_has(o, "label-smoothing", "cross_entropy");
    require_objective_has(o, "srr-weight", "cross_entropy");
    o.resolve<double>("eps-squared", 0.5);
    o.resolve<double>("frobenius", 0);
  } else {
    require_objective_has(o, "eps-squared", "mcr2");
    require_objective_has(o, "frobenius", "mcr2");
    o.resolve<double>("label-smoothing", 0.1);
    if (o.is_set("srr-weight") && model == "crate" && o.get<std::string>("attention") == "mhsa")
      throw ValueError("krate::train",
                       "--srr-weight means nothing with --attention mhsa (it has no subspaces); remove it");
  }
  if (model == "mlp") {
    o.resolve<std::int64_t>("dim", 128);
  } else {
    o.resolve<std::int64_t>("dim", 64);
    if (model != "tost" && model != "vit") {
      o.resolve<double>("eta", 0.1);
      o.resolve<double>("lambda", 0.1);
    }
  }
  o.resolve<std::int64_t>("classes", data.classes);
  auto const classes = o.get<std::int64_t>("classes");
  require_value(classes >= data.classes, "krate::train", "--classes", classes,
                ("must be at least the dataset's " + std::to_string(data.classes)).c_str());
}

models::CrateConfig crate_config_of(OptionTable const& o, io::DatasetDescription const& data) {
  models::CrateConfig c;
  fill_blocks(o, data, c);
  c.classes = size(o, "classes");
  c.pool = o.get<std::string>("pool") == "mean" ? Pool::mean : Pool::cls;
  c.attention = models::parse_attention(o.get<std::string>("attention"));
  c.feed_forward = models::parse_feed_forward(o.get<std::string>("feed-forward"));
  c.embedding_norms = o.get<std::string>("patch-embedding") == "normed";
  c.mcr2 = objective_of(o);
  if (!c.mcr2) c.label_smoothing = o.get<double>("label-smoothing");
  c.validate();
  return c;
}

namespace {
template <class Config>
Config text_config_of(OptionTable const& o) {
  Config c;
  c.vocabulary = size(o, "vocabulary");
  c.context = size(o, "context");
  c.dim = size(o, "dim");
  c.depth = size(o, "depth");
  c.heads = size(o, "heads");
  c.dim_head = o.has_value("dim-head") ? size(o, "dim-head") : 0;
  if constexpr (requires { c.eta; }) {
    c.eta = o.get<double>("eta");
    c.lambda = o.get<double>("lambda");
  }
  c.label_smoothing = o.get<double>("label-smoothing");
  return c;
}
}  // namespace

models::CausalCrateConfig causal_crate_config_of(OptionTable const& o) {
  auto c = text_config_of<models::CausalCrateConfig>(o);
  c.overcomplete = o.get<bool>("overcomplete");
  c.validate();
  return c;
}

models::CrateBertConfig crate_bert_config_of(OptionTable const& o) {
  auto c = text_config_of<models::CrateBertConfig>(o);
  c.padding = 0;  // no byte of a text
  c.validate();
  return c;
}

models::CrateMaeConfig crate_mae_config_of(OptionTable const& o, io::DatasetDescription const& data) {
  models::CrateMaeConfig c;
  fill_blocks(o, data, c);
  c.decoder_depth = size(o, "decoder-depth");
  c.decoder_heads = size(o, "decoder-heads");
  c.mask_ratio = o.get<double>("mask-ratio");
  c.norm_pix_loss = o.get<bool>("norm-pix-loss");
  c.validate();
  return c;
}

models::TostConfig tost_config_of(OptionTable const& o, io::DatasetDescription const& data) {
  auto const patch = o.get<Pair>("patch-size");
  require_value(patch.rows == patch.columns && patch.rows > 0, "krate::train", "--patch-size", patch.rows,
                "must be positive and the same in both directions for the model tost");
  models::TostConfig c;
  c.channels = data.sample_shape[0];
  c.image_size = {data.sample_shape[1], data.sample_shape[2]};
  c.patch_size = static_cast<std::size_t>(patch.rows);
  c.dim = size(o, "dim");
  c.depth = size(o, "depth");
  c.heads = size(o, "heads");
  c.classes = size(o, "classes");
  c.mcr2 = objective_of(o);
  if (!c.mcr2) c.label_smoothing = o.get<double>("label-smoothing");
  c.validate();
  return c;
}

models::VitConfig vit_config_of(OptionTable const& o, io::DatasetDescription const& data) {
  models::VitConfig c;
  fill_blocks(o, data, c);
  c.classes = size(o, "classes");
  c.mcr2 = objective_of(o);
  if (!c.mcr2) c.label_smoothing = o.get<double>("label-smoothing");
  c.validate();
  return c;
}

models::CrateAlphaConfig crate_alpha_config_of(OptionTable const& o, io::DatasetDescription const& data) {
  models::CrateAlphaConfig c;
  double const norm_eps = c.norm_eps;
  static_cast<models::CrateConfig&>(c) = crate_config_of(o, data);
  c.norm_eps = norm_eps;
  c.expansion = size(o, "expansion");
  c.variant = models::parse_alpha_variant(o.get<std::string>("variant"));
  c.validate();
  return c;
}

models::TostCausalConfig tost_causal_config_of(OptionTable const& o) {
  auto c = text_config_of<models::TostCausalConfig>(o);
  c.bias = o.get<bool>("bias");
  c.validate();
  return c;
}

models::Gpt2Config gpt2_config_of(OptionTable const& o) {
  auto c = text_config_of<models::Gpt2Config>(o);
  c.validate();
  return c;
}

models::MlpConfig mlp_config_of(OptionTable const& o, io::DatasetDescription const& data) {
  models::MlpConfig c;
  c.channels = data.sample_shape[0];
  c.image_size = {data.sample_shape[1], data.sample_shape[2]};
  c.hidden = size(o, "hidden");
  c.dim = size(o, "dim");
  c.classes = size(o, "classes");
  c.mcr2 = objective_of(o);
  if (!c.mcr2) c.label_smoothing = o.get<double>("label-smoothing");
  c.validate();
  return c;
}

}  // namespace krate::tools
