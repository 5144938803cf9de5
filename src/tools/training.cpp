// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/training.hpp"

#include <nlohmann/json.hpp>
#include <optional>

#include "krate/io/dataset.hpp"
#include "krate/models/causal_crate.hpp"
#include "krate/models/crate_bert.hpp"
#include "krate/models/gpt2.hpp"
#include "krate/models/tost.hpp"
#include "krate/models/tost_causal.hpp"
#include "krate/models/vit.hpp"
#include "tools/augmentation.hpp"
#include "tools/closed_loop.hpp"
#include "tools/fine_tuning.hpp"
#include "tools/flatnet.hpp"
#include "tools/graceful_stop.hpp"
#include "tools/model_options.hpp"
#include "tools/model_source.hpp"
#include "tools/network_options.hpp"
#include "tools/redunet.hpp"
#include "tools/training_run.hpp"

namespace krate::tools {

namespace {

void require_no_size(OptionTable const& options) {
  if (!options.is_set("size")) return;
  throw ValueError("krate::train", "--size means nothing with --from (the network is the file's); remove it");
}

/// As authors count.
template <class Model>
std::size_t parameter_count(Model const& model) {
  if constexpr (requires { Model::parameter_table(model.config()); })
    return Model::parameter_table(model.config()).count();
  return model.parameters().count();
}

template <class Model>
void run_in(TrainingRun const& run, typename Model::Config const& config) {
  Space const& space = run.context.space();
  std::unique_ptr<Progress> progress;
  auto const settings = run.settings(progress);
  auto source = source_for<Model>(run.data.load(), config, !train::RemovesPatches<Model>,
                                  parse_augmentation(run.options.get<std::string>("augment")).windows);
  Model const model(space, config, settings.seed);
  Json start;
  if (run.from && !run.resume) {
    start = transfer_json(*run.from, start_from(space, *run.from, model));
    print_transfer(run.context, start);
  }
  auto const directory = run.begin(start);
  GracefulStop const graceful;
  train::Trainer trainer(space, run.context.comm(), model, run.rule(), settings);
  auto const summary = trainer.run(source);
  progress.reset();
  run.end({Model::name, parameter_count(model), train::ReadsTokens<Model>, summary, start}, source.table());
}

/// Of a family in the precision that was asked for.
template <template <class, class> class Model>
void run_family(TrainingRun const& r, typename Model<Space, float>::Config config) {
  auto const precision = r.options.get<std::string>("precision");
  if (r.from) config = with_network_of(*r.from, config);
  if constexpr (requires { config.products; })
    if (precision == "bf16") config.products = Products::bfloat16;
  if (precision == "fp64") return run_in<Model<Space, double>>(r, config);
  run_in<Model<Space, float>>(r, config);
}

}  // namespace

void train_run(Context& context, OptionTable& options, std::string const& run, bool resume) {
  auto const model = options.get<std::string>("model");
  if (model == "flatnet") return train_flatnet(context, options, run, resume);
  if (model == "csc_ctrl" || model == "ctrl") return train_closed_loop(context, options, run, resume);
  if (options.get<std::string>("precision") == "bf16" && (model.starts_with("tost") || model == "redunet")) {
    throw NotBuiltError("krate::train", "--precision bf16 is not built yet for this model; use fp32 or fp64");
  }
  if (model == "redunet") {
    if (!resume) return train_redunet(context, options, run);
    throw ValueError("krate::resume", run +
                                          " is an unfinished ReduNet (it is built in one go, without checkpoints); "
                                          "remove it and run krate train again");
  }
  if (options.is_set("steps") && options.is_set("epochs") && !resume) {
    throw ValueError("krate::train", "--steps and --epochs were both given, but each says when to end; give one");
  }
  auto const data = io::Dataset::open(options.get<std::string>("data"), context.comm());
  auto const& about = data.description();
  if (model != "crate_mae") about.require_labels();
  auto const network = network_file(context, options, run, resume);
  auto const* const from = network ? &*network : nullptr;
  if (!resume) {
    context.comm().guarded([&] {
      if (!from) return adopt_size(options);
      require_no_size(options);
      // CRATE-alpha may go on with other patches: its convolution starts anew then.
      std::set<std::string> free;
      if (model == "crate_alpha") free.insert("patch-size");
      auto config = from->config();
      bool const masked = from->model() == "crate_mae";
      for (auto const& [part, usual] : {std::pair{"attention", "mssa"},
                                        {"feed_forward", "ista"},
                                        {"patch_embedding", masked ? "linear" : "normed"}})
        if (model == "crate" && !config.has(part)) config.set(part, usual);
      adopt_network(options, config, from->path(), free);
    });
  }
  resolve_model_options(options, about);
  TrainingRun const training{context, options, data, run, resume, from};
  if (model == "causal_crate") return run_family<models::CausalCrate>(training, causal_crate_config_of(options));
  if (model == "crate_bert") return run_family<models::CrateBert>(training, crate_bert_config_of(options));
  if (model == "crate_mae") return run_family<models::CrateMae>(training, crate_mae_config_of(options, about));
  if (model == "crate_alpha") return run_family<models::CrateAlpha>(training, crate_alpha_config_of(options, about));
  if (model == "tost") return run_family<models::Tost>(training, tost_config_of(options, about));
  if (model == "tost_causal") return run_family<models::TostCausal>(training, tost_causal_config_of(options));
  if (model == "vit") return run_family<models::Vit>(training, vit_config_of(options, about));
  if (model == "gpt2") return run_family<models::Gpt2>(training, gpt2_config_of(options));
  if (model == "mlp") return run_family<models::Mlp>(training, mlp_config_of(options, about));
  run_family<models::Crate>(training, crate_config_of(options, about));
}

}  // namespace krate::tools
