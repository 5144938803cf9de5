// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/training.hpp"

#include <cmath>
#include <filesystem>
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
#include "tools/files.hpp"
#include "tools/fine_tuning.hpp"
#include "tools/flatnet.hpp"
#include "tools/graceful_stop.hpp"
#include "tools/json.hpp"
#include "tools/model_options.hpp"
#include "tools/model_source.hpp"
#include "tools/network_options.hpp"
#include "tools/redunet.hpp"
#include "tools/report.hpp"
#include "tools/run_directory.hpp"

namespace krate::tools {

namespace fs = std::filesystem;

OptionTable training_options() {
  std::vector<std::string> const crate{"crate"}, alpha{"crate_alpha"}, mae{"crate_mae"}, redunet{"redunet"}, mlp{"mlp"},
      flatnet{"flatnet"}, causal{"causal_crate"}, text{"causal_crate", "crate_bert", "tost_causal", "gpt2"},
      patched{"crate", "crate_alpha", "crate_mae", "tost", "vit"}, images{"crate", "crate_alpha", "mlp", "tost", "vit"},
      coded{"crate", "crate_alpha", "crate_mae", "causal_crate", "crate_bert"},
      blocks{"crate", "crate_alpha", "crate_mae", "causal_crate", "crate_bert", "tost", "tost_causal", "vit", "gpt2"},
      labelled{"crate", "crate_alpha", "mlp", "causal_crate", "crate_bert", "tost", "tost_causal", "vit", "gpt2"},
      trained{"crate",      "crate_alpha", "crate_mae",   "mlp", "causal_crate",
              "crate_bert", "tost",        "tost_causal", "vit", "gpt2"};
  std::vector<std::string> const loop{"csc_ctrl", "ctrl"};
  auto const and_model = [](std::vector<std::string> models, char const* model) {
    models.push_back(model);
    return models;
  };
  auto const and_loop = [](std::vector<std::string> models) {
    models.insert(models.end(), {"csc_ctrl", "ctrl"});
    return models;
  };
  OptionTable o("krate::train");
  o.add<std::string>("model", {}, "Model family")
      .one_of({"crate", "crate_alpha", "crate_mae", "redunet", "mlp", "causal_crate", "crate_bert", "tost",
               "tost_causal", "vit", "gpt2", "flatnet", "csc_ctrl", "ctrl"});
  o.add<std::string>("data", {}, "Dataset file");
  o.add<std::string>("from", {},
                     "Model file to start from: the network is its, and the head of a classifier starts anew")
      .only_for(blocks);
  o.add<std::string>("objective", "cross_entropy", "What is made small; mcr2: -(R - R^c) of the features of a batch")
      .one_of({"cross_entropy", "mcr2"})
      .only_for(images);
  o.add<std::string>("optimizer", "adamw", "Update rule").one_of({"adamw", "lion"}).only_for(trained);
  o.add<double>("learning-rate", 1e-3, "Largest learning rate").above(0).only_for(and_loop(trained));
  o.add<double>(
       "weight-decay", 0.05,
       "Weight decay, of all parameters; of crate_mae, tost, vit and text models: of matrices; of crate_alpha: of "
       "linear maps")
      .at_least(0)
      .only_for(trained);
  o.add<double>("layer-decay", 1, "Factor of the learning rate from a layer to the one before it; 1: off")
      .above(0)
      .at_most(1)
      .only_for(blocks);
  o.add<std::int64_t>("warmup", {}, "Steps of linear warm-up [5 % of all]").at_least(0).only_for(and_loop(trained));
  o.add<std::string>("schedule", "warmup_cosine", "Learning rate over time")
      .one_of({"warmup_cosine", "crate", "constant"})
      .only_for(and_loop(trained));
  o.add<double>("clip", 1, "Largest gradient norm; 0: off").at_least(0).only_for(trained);
  o.add<double>("label-smoothing", {}, "Weight of the uniform target in cross-entropy [0.1; of text models: 0]")
      .at_least(0)
      .at_most(0.999999)
      .only_for(labelled);
  o.add<std::string>("augment", "none",
                     "Random changes of each image: shift1 or shift2, in pixels, flip and crop, joined by +, or none; "
                     "windows: a text's samples begin anywhere")
      .only_for(trained);
  o.add<std::int64_t>("batch", 64, "Samples a step, of all ranks together [csc_ctrl, ctrl: 500]")
      .at_least(1)
      .only_for(and_loop(trained));
  o.add<std::int64_t>("epochs", 50, "Passes over the training samples").at_least(1).only_for(and_loop(trained));
  o.add<std::int64_t>("steps", {}, "Optimizer steps, instead of epochs").at_least(1).only_for(and_loop(trained));
  o.add<bool>("recompute", false, "Keep less of the forward pass, and do attention again in the backward pass")
      .only_for(blocks);
  o.add<std::int64_t>("seed", 0, "Of parameters, sample order and augmentation")
      .at_least(0)
      .only_for(and_loop(and_model(trained, "flatnet")));
  o.add<std::string>("precision", "fp32", "Arithmetic")
      .one_of({"fp32", "fp64", "bf16"})
      .only_for(and_loop(and_model(trained, "redunet")));
  o.add<std::string>("size", {}, "The authors' name of width, depth and heads, such as tiny or B/16").only_for(blocks);
  o.add<std::int64_t>("dim", {}, "Width of a transformer's tokens, or of an MLP's features [64, 128]")
      .at_least(1)
      .only_for(and_loop(trained));
  o.add<std::int64_t>("depth", 4, "Number of blocks").at_least(1).only_for(blocks);
  o.add<std::int64_t>("heads", 4, "Number of subspaces").at_least(1).only_for(blocks);
  o.add<std::int64_t>("dim-head", {}, "Width of a subspace [dim / heads]")
      .at_least(1)
      .only_for({"crate", "crate_alpha", "crate_mae", "causal_crate", "crate_bert", "tost_causal", "vit", "gpt2"});
  o.add<Pair>("patch-size", Pair{4, 4}, "Height and width of a patch").only_for(patched);
  o.add<std::string>("pool", "cls", "What the head sees of the tokens").one_of({"cls", "mean"}).only_for(crate);
  o.add<std::string>("attention", "mssa", "Mixes tokens: subspace attention, or ordinary multi-head attention")
      .one_of({"mssa", "mhsa"})
      .only_for(crate);
  o.add<std::string>("feed-forward", "ista", "Works on each token: sparse coding, or an MLP with GELU")
      .one_of({"ista", "mlp"})
      .only_for(crate);
  o.add<std::string>("patch-embedding", "normed",
                     "Makes a token of a patch: norm, linear map, norm; or the linear map alone, as in crate_mae")
      .one_of({"normed", "linear"})
      .only_for(crate);
  o.add<double>("eta", {}, "Step size of ISTA, or of a layer of ReduNet [0.1, 0.5]")
      .above(0)
      .only_for({"crate", "crate_alpha", "crate_mae", "redunet", "causal_crate", "crate_bert"});
  o.add<double>("lambda", {}, "Sparsity weight of ISTA [0.1; crate_mae: 0.5; csc_ctrl: 0]")
      .at_least(0)
      .only_for(and_model(coded, "csc_ctrl"));
  o.add<double>("mask-ratio", 0.75, "Part of the patches that is removed").above(0).at_most(1).only_for(mae);
  o.add<bool>("norm-pix-loss", false, "Predict patches at mean 0 and variance 1").only_for(mae);
  o.add<std::int64_t>("decoder-depth", {}, "Number of decoder blocks [depth]").at_least(1).only_for(mae);
  o.add<std::int64_t>("decoder-heads", {}, "Number of their subspaces [heads]").at_least(1).only_for(mae);
  o.add<std::int64_t>("expansion", 4, "Atoms a feature").at_least(1).at_most(1024).only_for(alpha);
  o.add<std::string>("variant", "residual", "How much of CRATE-alpha: each has what those before it have")
      .one_of({"overcomplete", "decoupled", "residual"})
      .only_for(alpha);
  o.add<std::int64_t>("hidden", 2048, "Width of the hidden layer").at_least(1).only_for(mlp);
  o.add<std::int64_t>("classes", {}, "Classes that the model tells apart [classes of the dataset]")
      .at_least(1)
      .only_for(and_loop(std::vector<std::string>{"crate", "crate_alpha", "mlp", "redunet", "tost", "vit"}));
  o.add<bool>("overcomplete", false, "Code with 4 atoms a feature instead of one").only_for(causal);
  o.add<bool>("bias", false, "Biases in linear maps and norms").only_for({"tost_causal"});
  o.add<std::int64_t>("vocabulary", {},
                      "Tokens that the model knows [classes of the dataset; crate_bert: and the mask]")
      .at_least(1)
      .only_for(text);
  o.add<std::int64_t>("context", {}, "Most tokens that the model sees at once [tokens of a sample]")
      .at_least(1)
      .only_for(text);
  o.add<std::int64_t>("checkpoint-every", {}, "Steps between checkpoints [an epoch; flatnet: 50]")
      .at_least(1)
      .only_for(and_loop(and_model(trained, "flatnet")));
  o.add<double>("checkpoint-minutes", {}, "Minutes between checkpoints, besides").above(0).only_for(trained);
  o.add<std::int64_t>("keep", 3, "Checkpoints that stay").at_least(1).only_for(and_loop(and_model(trained, "flatnet")));
  o.add<std::int64_t>("layers", 20, "Number of layers").at_least(1).only_for(redunet);
  o.add<double>("eps-squared", {}, "Squared distortion of the rates of mcr2, or of ReduNet [0.5, 0.1]")
      .above(0)
      .only_for(and_loop(std::vector<std::string>{"crate", "crate_alpha", "mlp", "redunet", "tost", "vit"}));
  o.add<double>("frobenius", {}, "Weight of |Z|^2 / 2 in mcr2; 0: features of unit length instead [0]")
      .at_least(0)
      .only_for(images);
  o.add<double>("srr-weight", 0, "How much the sparse rate reduction after each block, a mean, lowers the loss; 0: off")
      .at_least(0)
      .only_for({"crate", "crate_alpha", "causal_crate"});
  o.add<std::string>("dimension", "whole",
                     "Of a layer's plane: found once for all samples, or sought anew for each layer as the authors do")
      .one_of({"whole", "layer"})
      .only_for(flatnet);
  o.add<std::int64_t>("iterations", 500, "Candidate layers, at most").at_least(1).only_for(flatnet);
  o.add<std::int64_t>("inner-iterations", 1000, "Steps of one local fit, at most").at_least(1).only_for(flatnet);
  o.add<std::int64_t>("stop-count", 10, "Candidates in a row that change nothing at the largest radius: the end")
      .at_least(1)
      .only_for(flatnet);
  o.add<double>("threshold", 1e-5, "Local error that a layer's radius is chosen for").above(0).only_for(flatnet);
  o.add<double>("alpha-max", 0.5, "Largest part of the way to the plane").above(0).at_most(0.999999).only_for(flatnet);
  o.add<std::string>("game", "multi",
                     "Of encoder and decoder: with the rates of each class, or of all samples together")
      .one_of({"multi", "binary"})
      .only_for(loop);
  o.add<std::int64_t>("width", 64, "Channels behind the first layer; each layer but the last doubles them")
      .at_least(1)
      .only_for(loop);
  o.add<std::int64_t>("encoder-steps", 1, "Of an iteration; the decoder takes one").at_least(1).only_for(loop);
  o.add<std::int64_t>("code-steps", 2, "Of FISTA in each layer").at_least(1).only_for({"csc_ctrl"});
  o.add<bool>("nonnegative", false, "Codes without negative numbers").only_for({"csc_ctrl"});
  o.add<double>("lambda-s", 500, "Sharpness of the soft assignment to classes").above(0).only_for(redunet);
  return o;
}

OptionTable options_of_run(std::string const& run, char const* where) {
  auto o = training_options();
  if (!fs::is_regular_file(run + "/config.toml")) {
    throw IoError(where, run + " is no training run (it has no config.toml); give the directory that krate train made");
  }
  o.read_toml(run + "/config.toml");
  if (!o.has_value("model") || !o.has_value("data")) {
    throw ValueError(where, run + "/config.toml does not name model and data; restore it");
  }
  o.choose(o.get<std::string>("model"));
  return o;
}

namespace {

optim::Rule rule_of(OptionTable const& o) {
  double const rate = o.get<double>("learning-rate"), decay = o.get<double>("weight-decay");
  if (o.get<std::string>("optimizer") == "lion") return optim::Lion{.learning_rate = rate, .weight_decay = decay};
  return optim::AdamW{.learning_rate = rate, .weight_decay = decay};
}

train::TrainerOptions trainer_options(OptionTable const& o, std::string const& run, bool resume) {
  train::TrainerOptions t;
  t.epochs = o.get<std::int64_t>("epochs");
  t.steps = o.has_value("steps") ? o.get<std::int64_t>("steps") : 0;
  t.batch = o.get<std::size_t>("batch");
  t.seed = Seed{o.get<std::uint64_t>("seed")};
  t.schedule = optim::parse_schedule(o.get<std::string>("schedule"));
  t.warmup = o.has_value("warmup") ? o.get<std::int64_t>("warmup") : -1;
  t.clip = o.get<double>("clip");
  auto const augmentation = parse_augmentation(o.get<std::string>("augment"));
  t.shift = augmentation.shift;
  t.flip = augmentation.flip;
  t.crop = augmentation.crop;
  t.recompute = o.get<bool>("recompute");
  t.layer_decay = o.get<double>("layer-decay");
  t.srr_weight = o.get<double>("srr-weight");
  t.checkpoint_every = o.has_value("checkpoint-every") ? o.get<std::int64_t>("checkpoint-every") : 0;
  t.checkpoint_minutes = o.has_value("checkpoint-minutes") ? o.get<double>("checkpoint-minutes") : 0;
  t.keep = o.get<int>("keep");
  t.run = run;
  t.resume = resume;
  return t;
}

void require_no_size(OptionTable const& options) {
  if (!options.is_set("size")) return;
  throw ValueError("krate::train", "--size means nothing with --from (the network is the file's); remove it");
}

/// What a run is made of.
struct TrainingRun {
  Context& context;
  OptionTable& options;
  io::Dataset const& data;
  std::string const& directory;
  bool resume;
  io::CheckpointReader const* from;  ///< see network_file(); null: none
};

/// As authors count.
template <class Model>
std::size_t parameter_count(Model const& model) {
  if constexpr (requires { Model::parameter_table(model.config()); })
    return Model::parameter_table(model.config()).count();
  return model.parameters().count();
}

template <class Model>
void run_in(TrainingRun const& training, typename Model::Config const& config) {
  auto& context = training.context;
  auto& options = training.options;
  auto const& run = training.directory;
  auto const* const from = training.from;
  bool const resume = training.resume;
  Space const& space = context.space();
  auto const& comm = context.comm();
  auto settings = trainer_options(options, run, resume);
  auto source = source_for<Model>(training.data.load(), config, !train::RemovesPatches<Model>,
                                  parse_augmentation(options.get<std::string>("augment")).windows);
  Model const model(space, config, settings.seed);
  settings.logger = context.logger();

  std::unique_ptr<Progress> progress;
  settings.progress = [&](train::Progress const& p) {
    if (!progress) progress.reset(new Progress(context.progress("training", static_cast<std::size_t>(p.steps))));
    char accuracy[32] = "", note[128];
    if (std::isfinite(p.accuracy)) std::snprintf(accuracy, sizeof accuracy, ", accuracy %.4f", p.accuracy);
    std::snprintf(note, sizeof note, "epoch %lld: %sloss %.4f%s", static_cast<long long>(p.epoch + 1),
                  p.part == train::Part::test ? "test " : "", p.loss, accuracy);
    progress->update(static_cast<std::size_t>(p.step), note);
  };
  settings.stop = stop_requested;

  Json start;
  if (from && !resume) {
    start = transfer_json(*from, start_from(space, *from, model));
    print_transfer(context, start);
  }
  std::optional<RunDirectory> directory;
  comm.guarded([&] {
    if (!comm.is_root()) return;
    if (resume && from) start = Json::parse(read_file(run + "/from.json"));
    if (resume) return;
    directory.emplace(run, options.to_toml());
    if (from) directory->write_from(start.dump(2) + "\n");
  });
  GracefulStop const graceful;
  train::Trainer trainer(space, comm, model, rule_of(options), settings);
  auto const summary = trainer.run(source);
  progress.reset();
  if (!summary.finished) {
    throw Error("krate::train",
                "stopped by a signal, a checkpoint was written first; continue with krate resume " + run);
  }
  Json result{{"model", Model::name},
              {"parameters", parameter_count(model)},
              {"ranks", comm.size()},
              {"threads", space.concurrency()},
              {"steps", summary.steps},
              {"train_loss", finite_or_null(summary.train_loss)},
              {"test_loss", summary.test ? finite_or_null(summary.test->loss) : Json()},
              {"test_accuracy", summary.test ? finite_or_null(summary.test->accuracy()) : Json()},
              {"seconds", summary.seconds},
              {"seconds_waiting_for_data", summary.seconds_waiting},
              {"peak_bytes", context.peak_bytes()},
              {"resumed_from", summary.resumed_from ? Json(*summary.resumed_from) : Json()}};
  if (from) result["from"] = start;
  bool const bits = train::ReadsTokens<Model> && summary.test;
  if (bits) result["test_bits_per_token"] = finite_or_null(summary.test->loss / std::log(2.0));
  comm.guarded([&] {
    if (comm.is_root()) write_file(run + "/summary.json", result.dump(2) + "\n");
  });
  bool const reported = has_report(options);
  if (reported) write_report(context, run, source.table(), run + "/report");
  if (context.json()) return context.print_json(result);
  char line[160];
  std::snprintf(line, sizeof line, "%lld steps in %.1f s, train loss %.4f", static_cast<long long>(summary.steps),
                summary.seconds, summary.train_loss);
  context.print(line);
  if (summary.test && !summary.test->has_accuracy) {
    std::snprintf(line, sizeof line, "test loss %.4f", summary.test->loss);
    context.print(line);
  } else if (summary.test) {
    std::snprintf(line, sizeof line, "test loss %.4f, accuracy %.4f (%lld of %lld)", summary.test->loss,
                  summary.test->accuracy(), static_cast<long long>(summary.test->correct),
                  static_cast<long long>(summary.test->labels()));
    context.print(line);
    if (bits) {
      std::snprintf(line, sizeof line, "test bits per token %.4f", summary.test->loss / std::log(2.0));
      context.print(line);
    }
  }
  context.print("model: " + run + "/model.h5");
  if (reported) context.print("report: " + run + "/report/index.html");
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
