// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/family.hpp"

#include <algorithm>

#include "krate/io/configuration_json.hpp"
#include "krate/models/causal_crate.hpp"
#include "krate/models/complete_tost.hpp"
#include "krate/models/crate_bert.hpp"
#include "krate/models/crate_mae.hpp"
#include "krate/models/gpt2.hpp"
#include "krate/models/resolution.hpp"
#include "krate/models/tost.hpp"
#include "krate/models/tost_causal.hpp"
#include "krate/models/vit.hpp"
#include "krate/train/model_file.hpp"

namespace krate::tools {

namespace {

bool same(Configuration const& a, Configuration const& b, std::string const& name, Attribute const& value) {
  if (std::holds_alternative<std::string>(value)) return a.get<std::string>(name) == b.get<std::string>(name);
  auto one = a.get<std::vector<double>>(name), other = b.get<std::vector<double>>(name);
  for (auto* sizes : {&one, &other})
    if (sizes->size() == 1) sizes->push_back(sizes->front());  // 8 means [8, 8]
  return one == other;
}

std::string flag_of(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return "--" + name;
}

/// What the metadata say, and then the flags.
Configuration known_of(models::OfficialTensors const& tensors, Configuration const& flags, char const* model) {
  auto known = tensors.configuration();
  if (known.get<std::string>("model", "") == "crate_alpha_clip") {  // the same model with other names
    known.set("model", "crate_alpha");
    known.set("clip", 1);
  }
  std::string const& path = tensors.file().path();
  if (auto const stored = known.get<std::string>("model", model); stored != model) {
    throw ValueError("krate::import", path + ": its metadata say that it is a " + stored + ", but --family = " + model +
                                          "; give --family " + stored);
  }
  for (auto const& [name, value] : flags.entries()) {
    if (!known.has(name)) {
      known.set(name, value);
    } else if (!same(known, flags, name, value)) {
      throw ValueError("krate::import",
                       path + ": its metadata say otherwise than " + flag_of(name) + "; remove the flag");
    }
  }
  return known;
}

using Complete = std::vector<std::string>(models::OfficialTensors const&, Configuration&);

template <template <class, class> class Model, Complete complete>
struct Exchange {
  using Config = typename Model<Space, float>::Config;
  static constexpr bool has_images = requires(Config const& c) {  // and positions that can be moved
    c.patch_size.height;
  };

  static Config config_of(models::OfficialTensors const& tensors, Configuration const& flags, char const* name) {
    auto known = known_of(tensors, flags, name);
    std::string missing;
    for (auto const& key : complete(tensors, known)) missing += (missing.empty() ? "" : " and ") + flag_of(key);
    if (!missing.empty()) {
      throw ValueError("krate::import", tensors.file().path() + ": neither its metadata nor its shapes tell " +
                                            missing + " (the metadata key config would); give " + missing);
    }
    auto const config = Config::from(known);
    for (auto const& [key, value] : flags.entries()) {
      if (!config.configuration().has(key)) refuse(flag_of(key), name);
    }
    return config;
  }
  [[noreturn]] static void refuse(std::string const& flag, char const* name) {
    throw ValueError("krate::import", flag + " means nothing to --family " + name + "; remove it");
  }

  template <class T>
  static void write_model(Context& context, models::OfficialTensors const& tensors, Config const& config,
                          ImportRequest const& request, Configuration& stored) {
    auto const& space = context.space();
    Model<Space, T> model(space, config);
    context.comm().guarded([&] {
      models::import_parameters(space, Model<Space, T>::parameter_table(config), model.parameters(), tensors);
      if constexpr (has_images) {
        if (request.resolution) model = models::at_resolution(space, model, *request.resolution);
      }
    });
    if (request.resolution) {
      auto const moved = model.config().configuration();
      stored.set("image_size", Attribute(moved.template get<std::vector<std::int64_t>>("image_size")));
    }
    io::CheckpointWriter file(request.output, context.comm(), stored);
    io::save_parameters(space, model.parameters(), file);
    file.commit();
  }

  static ImportSummary import(Context& context, ImportRequest const& request) {
    ImportSummary summary;
    models::OfficialTensors const tensors(request.file);
    if (request.resolution && !has_images) refuse("--resolution", Model<Space, float>::name);
    auto const config = config_of(tensors, request.flags, Model<Space, float>::name);
    auto const table = Model<Space, float>::parameter_table(config);
    auto const types = models::tensor_types(table, tensors);
    summary.config = config.configuration();
    models::store_types(table, types, summary.config);
    bool const wide = std::find(types.begin(), types.end(), io::TensorType::f64) != types.end();
    (wide ? write_model<double> : write_model<float>)(context, tensors, config, request, summary.config);
    summary.parameters = table.count();
    summary.buffers = tensors.buffers().size();
    for (auto const& buffer : table.buffers()) summary.buffers += tensors.find(buffer) != nullptr;
    summary.tensors = request.file.tensors().size() - summary.buffers - tensors.foreign(table);
    summary.joined = table.chain() && tensors.has(*table.chain());
    return summary;
  }

  template <class T>
  static ExportSummary write_tensors(Context& context, ExportRequest const& request) {
    auto const& space = context.space();
    auto const model = train::load_model<Model<Space, T>>(space, request.file);
    auto const table = Model<Space, T>::parameter_table(model.config());
    auto const usual = std::is_same_v<T, float> ? io::TensorType::f32 : io::TensorType::f64;
    ExportSummary summary;
    summary.types = request.type ? models::TensorTypes(table.specs().size(), *request.type)
                                 : models::stored_types(table, request.file.config(), usual);
    summary.parameters = table.count();
    for (auto const& tensor : table.official_tensors()) summary.tensors += tensor.names.size();
    context.comm().guarded([&] {
      if (!context.comm().is_root()) return;
      models::export_parameters(space, table, model.parameters(), summary.types, request.output,
                                {{"config", io::to_json(model.config().configuration())}, {"format", "pt"}});
    });
    return summary;
  }

  static ExportSummary write(Context& context, ExportRequest const& request) {
    auto const& file = request.file;
    auto const names = file.tensors("/model");
    bool const wide = !names.empty() && file.info("/model/" + names.front()).element_bytes == sizeof(double);
    return (wide ? write_tensors<double> : write_tensors<float>)(context, request);
  }
};

template <template <class, class> class Model, Complete complete>
constexpr Family family() {
  return {Model<Space, float>::name, Exchange<Model, complete>::import, Exchange<Model, complete>::write};
}

constexpr Family families[] = {
    family<models::Crate, models::complete_crate>(),
    family<models::CrateMae, models::complete_crate_mae>(),
    family<models::CrateAlpha, models::complete_crate_alpha>(),
    family<models::CausalCrate, models::complete_causal_crate>(),
    family<models::CrateBert, models::complete_crate_bert>(),
    family<models::Tost, models::complete_tost>(),
    family<models::TostCausal, models::complete_tost_causal>(),
    family<models::Vit, models::complete_vit>(),
    family<models::Gpt2, models::complete_gpt2>(),
};

}  // namespace

std::string family_names() {
  std::string names;
  for (auto const& family : families) names += (names.empty() ? "" : ", ") + std::string(family.name);
  return names;
}

Family const& family_named(std::string const& name) {
  for (auto const& family : families) {
    if (family.name == name) return family;
  }
  throw ValueError("krate::family", "there is no family '" + name + "'; use one of " + family_names());
}

}  // namespace krate::tools
