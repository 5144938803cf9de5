// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/model_options.hpp"

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

}  // namespace

void resolve_model_options(OptionTable& o, io::DatasetDescription const& data) {
  auto const model = o.get<std::string>("model");
  require_value(data.kind == io::SampleKind::images, "krate::train", "--data", data.origin,
                ("must hold images [n, C, H, W] in /samples/images for the model " + model).c_str());
  if (is_mcr2(o)) {
    require_objective_has(o, "label-smoothing", "cross_entropy");
    o.resolve<double>("eps-squared", 0.5);
    o.resolve<double>("frobenius", 0);
  } else {
    require_objective_has(o, "eps-squared", "mcr2");
    require_objective_has(o, "frobenius", "mcr2");
    o.resolve<double>("label-smoothing", 0.1);
  }
  if (model == "mlp") {
    o.resolve<std::int64_t>("dim", 128);
  } else {
    o.resolve<std::int64_t>("dim", 64);
    o.resolve<double>("eta", 0.1);
  }
  o.resolve<std::int64_t>("classes", data.classes);
  auto const classes = o.get<std::int64_t>("classes");
  require_value(classes >= data.classes, "krate::train", "--classes", classes,
                ("must be at least the dataset's " + std::to_string(data.classes)).c_str());
}

models::CrateConfig crate_config_of(OptionTable const& o, io::DatasetDescription const& data) {
  auto const patch = o.get<Pair>("patch-size");
  require_value(patch.rows > 0 && patch.columns > 0, "krate::train", "--patch-size", patch.rows, "must be positive");
  models::CrateConfig c;
  c.channels = data.sample_shape[0];
  c.image_size = {data.sample_shape[1], data.sample_shape[2]};
  c.patch_size = {static_cast<std::size_t>(patch.rows), static_cast<std::size_t>(patch.columns)};
  c.dim = size(o, "dim");
  c.depth = size(o, "depth");
  c.heads = size(o, "heads");
  c.dim_head = o.has_value("dim-head") ? size(o, "dim-head") : 0;
  c.classes = size(o, "classes");
  c.pool = o.get<std::string>("pool") == "mean" ? Pool::mean : Pool::cls;
  c.eta = o.get<double>("eta");
  c.lambda = o.get<double>("lambda");
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
