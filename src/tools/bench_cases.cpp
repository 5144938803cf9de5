// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/bench_cases.hpp"

#include <nlohmann/json.hpp>

#include "perf/cases/class_coding_rate.hpp"
#include "perf/cases/coding_rate.hpp"
#include "perf/cases/csc.hpp"
#include "perf/cases/in_bfloat16.hpp"
#include "perf/cases/in_situ.hpp"
#include "perf/cases/infer.hpp"
#include "perf/cases/ista.hpp"
#include "perf/cases/markov.hpp"
#include "perf/cases/mssa.hpp"
#include "perf/cases/multi_head_attention.hpp"
#include "perf/cases/pursuit.hpp"
#include "perf/cases/step.hpp"
#include "perf/cases/text_infer.hpp"
#include "perf/cases/text_step.hpp"
#include "perf/cases/tssa.hpp"
#include "tools/network_options.hpp"

namespace krate::tools {

namespace {

Option& add_size(OptionTable& table, char const* name, std::int64_t fallback, char const* help) {
  return table.add<std::int64_t>(name, fallback, help).at_least(1).at_most(1 << 24);
}
void add_precision(OptionTable& table) {
  table.add<std::string>("precision", "fp32", "Arithmetic").one_of({"fp32", "fp64", "bf16"});
}
void add_backward(OptionTable& table) {
  table.add<bool>("backward", false, "Time forward and backward pass together");
}
void add_causal(OptionTable& table) {
  table.add<bool>("causal", false, "Each token sees the tokens up to itself only");
}

/// Measures Case<Space, T>, T as --precision says; `fill` sets its options.
template <template <class, class> class Case, class Fill>
Json run_case(Bench& bench, BenchCase const& self, OptionTable const& o, Fill const& fill) {
  auto const run = [&]<class T>(T) {
    typename Case<Space, T>::Options options;
    fill(options);
    return bench.run<Case<Space, T>>(self.name, config_of(o), options);
  };
  auto const precision = o.get<std::string>("precision");
  if (precision == "bf16") {
    throw NotBuiltError("krate::bench", "--precision bf16 is not built yet; use fp32 or fp64");
  }
  return precision == "fp64" ? run(double()) : run(float());
}

OptionTable model_options() {
  OptionTable o("krate::bench");
  o.add<std::string>("model", "crate", "Model family")
      .one_of(
          {"crate", "crate_alpha", "crate_mae", "causal_crate", "crate_bert", "tost", "tost_causal", "vit", "gpt2"});
  o.add<std::string>("size", {}, "The authors' name of width, depth and heads, such as tiny or B/16");
  add_size(o, "dim", 576, "Width of the tokens");
  add_size(o, "depth", 12, "Number of blocks");
  add_size(o, "heads", 12, "Number of subspaces; divides dim");
  std::vector<std::string> const images{"crate", "crate_alpha", "crate_mae", "tost", "vit"},
      labelled{"crate", "crate_alpha", "tost", "vit"}, text{"causal_crate", "crate_bert", "tost_causal", "gpt2"};
  o.add<Pair>("image-size", Pair{224, 224}, "Height and width of the images")
      .at_least(1)
      .at_most(1 << 24)
      .only_for(images);
  o.add<Pair>("patch-size", Pair{16, 16}, "Height and width of a patch").at_least(1).at_most(1 << 24).only_for(images);
  add_size(o, "channels", 3, "Channels of the images").only_for(images);
  add_size(o, "classes", 1000, "Outputs of the head").only_for(labelled);
  add_size(o, "tokens", 1024, "Tokens of a text").only_for(text);
  add_size(o, "vocabulary", 50304, "Tokens that a text model knows").only_for(text);
  add_size(o, "batch", 8, "Images or texts a run, of all ranks together");
  add_precision(o);
  return o;
}

models::TostConfig in_tost(models::CrateConfig const& c) {
  require_value(c.patch_size.height == c.patch_size.width, "krate::bench", "--patch-size", c.patch_size.height,
                "must be the same in both directions for --model tost");
  models::TostConfig t{.image_size = c.image_size, .patch_size = c.patch_size.height, .channels = c.channels};
  t.dim = c.dim;
  t.depth = c.depth;
  t.heads = c.heads;
  t.classes = c.classes;
  t.validate();
  return t;
}

/// Into what the families have in common.
template <class Config>
void fill_images(OptionTable const& o, Config& c) {
  auto const size = [&](char const* name) { return o.get<std::size_t>(name); };
  auto const pair = [&](char const* name) {
    auto const p = o.get<Pair>(name);
    return models::Extent2(static_cast<std::size_t>(p.rows), static_cast<std::size_t>(p.columns));
  };
  c.image_size = pair("image-size");
  c.patch_size = pair("patch-size");
  c.channels = size("channels");
  c.dim = size("dim");
  c.depth = size("depth");
  c.heads = size("heads");
}

void fill_model(OptionTable const& o, models::CrateConfig& c) {
  fill_images(o, c);
  c.classes = o.get<std::size_t>("classes");
  c.validate();
}

/// The decoder is as deep as the encoder.
void fill_model(OptionTable const& o, models::CrateMaeConfig& c) {
  fill_images(o, c);
  c.decoder_depth = c.depth;
  c.decoder_heads = c.heads;
  c.validate();
}

void fill_model(OptionTable const& o, models::VitConfig& c) {
  fill_images(o, c);
  c.classes = o.get<std::size_t>("classes");
  c.validate();
}

template <class Config>
void fill_text(OptionTable const& o, Config& c) {
  auto const size = [&](char const* name) { return o.get<std::size_t>(name); };
  c.vocabulary = size("vocabulary");
  c.context = size("tokens");
  c.dim = size("dim");
  c.depth = size("depth");
  c.heads = size("heads");
  c.validate();
}

void fill_model(OptionTable const& o, models::CausalCrateConfig& c) {
  fill_text(o, c);
}
void fill_model(OptionTable const& o, models::CrateBertConfig& c) {
  fill_text(o, c);
}
void fill_model(OptionTable const& o, models::TostCausalConfig& c) {
  fill_text(o, c);
}
void fill_model(OptionTable const& o, models::Gpt2Config& c) {
  fill_text(o, c);
}

void fill_model(OptionTable const& o, models::TostConfig& c) {
  models::CrateConfig common;
  fill_model(o, common);
  c = in_tost(common);
}

/// As run_case(), and with products in bfloat16.
template <template <class, class> class Case, class Fill>
Json run_model(Bench& bench, BenchCase const& self, OptionTable const& o, Fill const& fill) {
  if (o.get<std::string>("precision") != "bf16") return run_case<Case>(bench, self, o, fill);
  typename Case<Space, float>::Options options;
  fill(options);
  options.model.products = Products::bfloat16;
  return bench.run<perf::InBfloat16<Case<Space, float>>>(self.name, config_of(o), options);
}

/// The cases of a subcommand, by model.
template <template <class, class> class Model>
struct InferOf {
  template <class S, class T>
  using Images = perf::ModelInferCase<S, T, Model>;
  template <class S, class T>
  using Texts = perf::ModelTextInferCase<S, T, Model>;
};
template <template <class, class> class Model>
struct StepOf {
  template <class S, class T>
  using Images = perf::ModelStepCase<S, T, Model>;
  template <class S, class T>
  using Texts = perf::ModelTextStepCase<S, T, Model>;
};

/// As run_model(), of the family that --model names; without bfloat16 where a model has none: a ToST.
template <template <template <class, class> class> class Of, class Fill>
Json run_family(Bench& bench, BenchCase const& self, OptionTable const& o, Fill const& fill) {
  auto const model = o.get<std::string>("model");
  if (model == "causal_crate") return run_model<Of<models::CausalCrate>::template Texts>(bench, self, o, fill);
  if (model == "crate_bert") return run_model<Of<models::CrateBert>::template Texts>(bench, self, o, fill);
  if (model == "tost_causal") return run_case<Of<models::TostCausal>::template Texts>(bench, self, o, fill);
  if (model == "gpt2") return run_model<Of<models::Gpt2>::template Texts>(bench, self, o, fill);
  if (model == "tost") return run_case<Of<models::Tost>::template Images>(bench, self, o, fill);
  if (model == "vit") return run_model<Of<models::Vit>::template Images>(bench, self, o, fill);
  if (model == "crate_alpha") return run_model<Of<models::CrateAlpha>::template Images>(bench, self, o, fill);
  return run_model<Of<models::Crate>::template Images>(bench, self, o, fill);
}

Json run_infer(Bench& bench, BenchCase const& self, OptionTable const& o) {
  auto const& comm = bench.context().comm();
  auto const fill = [&](auto& options) {
    fill_model(o, options.model);
    options.batch = comm::share_of(o.get<std::size_t>("batch"), comm.rank(), comm.size()).count;
  };
  if (o.get<std::string>("model") == "crate_mae") return run_model<perf::MaeInferCase>(bench, self, o, fill);
  return run_family<InferOf>(bench, self, o, fill);
}

Json run_step(Bench& bench, BenchCase const& self, OptionTable const& o) {
  auto const fill = [&](auto& options) {
    fill_model(o, options.model);
    options.batch = o.get<std::size_t>("batch");
    options.comm = bench.context().comm();
  };
  if (o.get<std::string>("model") == "crate_mae") return run_model<perf::MaeStepCase>(bench, self, o, fill);
  return run_family<StepOf>(bench, self, o, fill);
}

OptionTable mssa_options() {
  OptionTable o("krate::bench");
  add_size(o, "batch", 8, "Samples");
  add_size(o, "heads", 12, "Number of subspaces");
  add_size(o, "tokens", 197, "Tokens of a sample");
  add_size(o, "head-dim", 48, "Width of a subspace");
  add_backward(o);
  add_causal(o);
  add_precision(o);
  return o;
}

Json run_mssa(Bench& bench, BenchCase const& self, OptionTable const& o) {
  return run_case<perf::MssaCase>(bench, self, o, [&](auto& options) {
    options = {o.get<std::size_t>("batch"),    o.get<std::size_t>("heads"), o.get<std::size_t>("tokens"),
               o.get<std::size_t>("head-dim"), o.get<bool>("backward"),     o.get<bool>("causal")};
  });
}

Json run_tssa(Bench& bench, BenchCase const& self, OptionTable const& o) {
  return run_case<perf::TssaCase>(bench, self, o, [&](auto& options) {
    options = {o.get<std::size_t>("batch"),    o.get<std::size_t>("heads"), o.get<std::size_t>("tokens"),
               o.get<std::size_t>("head-dim"), o.get<bool>("backward"),     o.get<bool>("causal")};
  });
}

Json run_multi_head(Bench& bench, BenchCase const& self, OptionTable const& o) {
  return run_case<perf::MultiHeadCase>(bench, self, o, [&](auto& options) {
    options = {o.get<std::size_t>("batch"),    o.get<std::size_t>("heads"), o.get<std::size_t>("tokens"),
               o.get<std::size_t>("head-dim"), o.get<bool>("backward"),     o.get<bool>("causal")};
  });
}

OptionTable ista_options() {
  OptionTable o("krate::bench");
  add_size(o, "tokens", 1576, "Tokens of all samples");
  add_size(o, "dim", 576, "Width of the tokens");
  add_backward(o);
  add_precision(o);
  return o;
}

Json run_ista(Bench& bench, BenchCase const& self, OptionTable const& o) {
  return run_case<perf::IstaCase>(bench, self, o, [&](auto& options) {
    options = {o.get<std::size_t>("tokens"), o.get<std::size_t>("dim"), o.get<bool>("backward")};
  });
}

OptionTable csc_options() {
  OptionTable o("krate::bench");
  add_size(o, "batch", 32, "Images");
  add_size(o, "size", 16, "Height and width of the images");
  add_size(o, "channels", 64, "Channels of the images");
  add_size(o, "atoms", 128, "Channels of the code");
  add_size(o, "kernel", 4, "Height and width of an atom");
  add_size(o, "stride", 2, "Pixels from one place of the code to the next");
  o.add<std::int64_t>("padding", 1, "Pixels of zeros around the image").at_least(0).at_most(1 << 24);
  add_size(o, "code-steps", 2, "Steps of FISTA");
  add_backward(o);
  add_precision(o);
  return o;
}

Json run_csc(Bench& bench, BenchCase const& self, OptionTable const& o) {
  auto const size = [&](char const* name) { return o.get<std::size_t>(name); };
  return run_case<perf::CscCase>(bench, self, o, [&](auto& options) {
    options = {{size("batch"), size("channels"), size("size"), size("size"), size("atoms"), size("kernel"),
                size("stride"), size("padding")},
               size("code-steps"),
               o.get<bool>("backward")};
  });
}

OptionTable rate_options() {
  OptionTable o("krate::bench");
  add_size(o, "samples", 10000, "Samples");
  add_size(o, "dim", 512, "Features of a sample");
  o.add<std::int64_t>("classes", 0, "Rate the classes instead, so many of equal size; 0: all samples together")
      .at_least(0)
      .at_most(1 << 24);
  o.add<bool>("value", false, "Time the value without the gradient");
  add_precision(o);
  return o;
}

Json run_rate(Bench& bench, BenchCase const& self, OptionTable const& o) {
  auto const fill = [&](perf::RateSize& size) {
    size = {o.get<std::size_t>("samples"), o.get<std::size_t>("dim"), o.get<std::size_t>("classes"),
            o.get<bool>("value")};
  };
  return o.get<std::size_t>("classes") > 0 ? run_case<perf::ClassCodingRateCase>(bench, self, o, fill)
                                           : run_case<perf::CodingRateCase>(bench, self, o, fill);
}

OptionTable in_situ_options() {
  OptionTable o("krate::bench");
  add_size(o, "samples", 2000000, "Cells");
  add_size(o, "dim", 16, "Quantities of a cell");
  o.add<std::string>("layout", "right", "Together in memory: a cell's quantities (right) or a quantity (left)")
      .one_of({"right", "left"});
  o.add<bool>("gradient", false, "Time value and gradient together");
  o.add<std::string>("precision", "fp64", "Scalar of the cells").one_of({"fp32", "fp64", "bf16"});
  return o;
}

Json run_in_situ(Bench& bench, BenchCase const& self, OptionTable const& o) {
  return run_case<perf::InSituCase>(bench, self, o, [&](auto& options) {
    options = {o.get<std::size_t>("samples"), o.get<std::size_t>("dim"), o.get<std::string>("layout") == "left",
               o.get<bool>("gradient")};
  });
}

OptionTable markov_options() {
  OptionTable o("krate::bench");
  o.add<std::int64_t>("players", 4, "Players").at_least(1).at_most(10000);
  o.add<std::int64_t>("routes", 2, "Routes: 2^routes states").at_least(1).at_most(10);
  add_size(o, "replicas", 1, "Replicas; a thread plays one");
  o.add<std::int64_t>("stages", 1000000, "Stages of a replica").at_least(1).at_most(0x1p40);
  o.add<std::string>("random", "counter", "Random numbers").one_of({"counter", "mersenne"});
  return o;
}

Json run_markov(Bench& bench, BenchCase const& self, OptionTable const& o) {
  perf::MarkovCase<Space, double>::Options options{o.get<std::size_t>("players"), o.get<std::size_t>("routes"),
                                                   o.get<std::size_t>("replicas"), o.get<std::int64_t>("stages"),
                                                   o.get<std::string>("random") == "mersenne"};
  return bench.run<perf::MarkovCase<Space, double>>(self.name, config_of(o), options);
}

OptionTable ctrl_options() {
  OptionTable o("krate::bench");
  o.add<std::int64_t>("games", 1, "Games; a thread plays one").at_least(1).at_most(100000);
  o.add<std::int64_t>("dim", 50, "Numbers of a sample").at_least(5).at_most(4096);
  o.add<std::int64_t>("width", 40, "Numbers of a code").at_least(1).at_most(4096);
  o.add<std::int64_t>("batch", 50, "Samples of a step").at_least(1).at_most(1500);
  o.add<std::int64_t>("steps", 1, "Steps of the encoder").at_least(1).at_most(1000000);
  o.add<std::int64_t>("inner-steps", 1000, "Steps of the decoder after each").at_least(1).at_most(1 << 24);
  o.add<double>("noise", 0, "Mean square norm of noise").at_least(0);
  return o;
}

Json run_ctrl(Bench& bench, BenchCase const& self, OptionTable const& o) {
  perf::PursuitCase<Space, double>::Options options;
  options.games = o.get<std::size_t>("games");
  options.dim = o.get<std::size_t>("dim");
  options.width = o.get<std::size_t>("width");
  options.batch = o.get<std::size_t>("batch");
  options.steps = o.get<std::size_t>("steps");
  options.inner_steps = o.get<std::size_t>("inner-steps");
  options.noise = o.get<double>("noise");
  return bench.run<perf::PursuitCase<Space, double>>(self.name, config_of(o), options);
}

OptionTable product_options() {
  OptionTable o("krate::bench");
  o.add<std::int64_t>("size", 2048, "Rows and columns of the matrices").at_least(1).at_most(1 << 24);
  add_precision(o);
  return o;
}

Json run_product(Bench& bench, BenchCase const& self, OptionTable const& o) {
  return run_case<perf::VendorGemmCase>(
      bench, self, o, [&](auto& options) { options.m = options.n = options.k = o.get<std::size_t>("size"); });
}

OptionTable triad_options() {
  OptionTable o("krate::bench");
  auto const fallback = static_cast<std::int64_t>(perf::TriadCase<Space, double>::Options().elements);
  o.add<std::int64_t>("elements", fallback, "Length of the arrays").at_least(1).at_most(0x1p40);
  add_precision(o);
  return o;
}

Json run_triad(Bench& bench, BenchCase const& self, OptionTable const& o) {
  return run_case<perf::TriadCase>(bench, self, o,
                                   [&](auto& options) { options.elements = o.get<std::size_t>("elements"); });
}

constexpr BenchCase cases[] = {
    {"infer", "Forward pass of a model",
     "Timed: from a batch of images or texts in memory to its logits; of crate_mae, to the pixels of all patches.",
     model_options, run_infer},
    {"step", "Training step of a model",
     "Timed: forward pass, loss, backward pass, sum of the gradients over the ranks, clipping and AdamW, on a batch "
     "of\n"
     "images or texts in memory.",
     model_options, run_step},
    {"mssa", "Subspace attention",
     "Timed: O_k = softmax(W_k W_k^T / sqrt(head_dim)) W_k of projected tokens W, without the products that make W "
     "and\n"
     "take O back; with --backward from W to O and from dO to dW.",
     mssa_options, run_mssa},
    {"mhsa", "Multi-head attention",
     "Timed: O_k = softmax(Q_k K_k^T / sqrt(head_dim)) V_k, what subspace attention is compared with, without the "
     "products\n"
     "that make Q, K, V and take O back; with --backward also from dO to dQ, dK, dV.",
     mssa_options, run_multi_head},
    {"tssa", "Token statistics attention",
     "Timed: the attention of ToST from projected tokens W to O, without the products that make W and take O back; "
     "with\n"
     "--backward also from dO to dW.",
     mssa_options, run_tssa},
    {"ista", "Sparse coding step",
     "Timed: max(0, x + eta (x - x D^T) D - eta lambda); with --backward also the gradients of x and D.", ista_options,
     run_ista},
    {"csc", "Convolutional sparse coding",
     "Timed: steps of FISTA towards the code of images, channels last; with --backward also the gradients of images\n"
     "and dictionary.",
     csc_options, run_csc},
    {"rate", "Coding rate with its gradient",
     "Timed: the value and the gradient of R; with --classes those of R^c; with --value the value alone. Sums are\n"
     "double in any precision.",
     rate_options, run_rate},
    {"in-situ", "Coding rate of a simulation's field",
     "Timed: reset, add and result of a RateAccumulator on this rank's cells; with --gradient also the gradient. Here "
     "the\n"
     "roof is that of a stream that is only read, and of multiply-adds in registers.",
     in_situ_options, run_in_situ},
    {"markov", "Independent learning in a Markov game",
     "Timed: stages of the routing game, all replicas from their begin; stages * replicas / seconds is the speed. The\n"
     "arithmetic is fp64.",
     markov_options, run_markov},
    {"ctrl", "Sequential games of linear maps",
     "Timed: steps of an encoder, each with steps of the decoder, on samples of three subspaces, from random maps;\n"
     "seconds / (steps * inner-steps * games) is the time of an inner step. The arithmetic is fp64.",
     ctrl_options, run_ctrl},
    {"flatnet", "Fit of a manifold's tangent space",
     "Timed: steps of a frame and a quadratic form, which building a FlatNet consists of; seconds / steps is the time "
     "of an\n"
     "inner step. The arithmetic is fp64.",
     flatnet_bench_options, run_flatnet_bench},
    {"product", "Product of the vendor's library",
     "Timed: C = A B of square matrices by the BLAS itself, without krate.", product_options, run_product},
    {"triad", "Memory bandwidth", "Timed: a = b + s c; three streams are counted.", triad_options, run_triad},
};

}  // namespace

std::span<BenchCase const> bench_cases() {
  return cases;
}

Json run_case(Bench& bench, BenchCase const& which, OptionTable& options) {
  if (options.applies("model")) {
    options.choose(options.get<std::string>("model"));
    adopt_size(options);
  }
  return which.run(bench, which, options);
}

Json config_of(OptionTable const& options) {
  struct Value {
    Json operator()(Pair p) const {
      return p.rows == p.columns ? Json(p.rows) : Json(std::to_string(p.rows) + "x" + std::to_string(p.columns));
    }
    Json operator()(bool v) const { return v; }
    Json operator()(std::int64_t v) const { return v; }
    Json operator()(double v) const { return v; }
    Json operator()(std::string const& v) const { return v; }
  };
  Json config = Json::object();
  for (auto const& [key, value] : options.values()) config[key] = std::visit(Value{}, value);
  return config;
}

}  // namespace krate::tools
