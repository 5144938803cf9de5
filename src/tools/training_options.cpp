// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <filesystem>

#include "tools/training.hpp"

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
  o.add<std::int64_t>("manifold-dim", {}, "Dimension of all layers' planes, where it is known [found]")
      .at_least(1)
      .only_for(flatnet);
  o.add<std::int64_t>("iterations", 500, "Candidate layers, at most").at_least(1).only_for(flatnet);
  o.add<std::int64_t>("inner-iterations", 1000, "Steps of one local fit, at most").at_least(1).only_for(flatnet);
  o.add<std::int64_t>("stop-count", 10, "Candidates in a row that change nothing at a wide radius: the end")
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

}  // namespace krate::tools
