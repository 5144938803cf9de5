// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "perf/cases/in_bfloat16.hpp"
#include "perf/cases/infer.hpp"
#include "perf/cases/step.hpp"
#include "perf/cases/text_infer.hpp"
#include "perf/cases/text_step.hpp"
#include "tools/bench_case.hpp"

namespace krate::tools {

namespace {

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

}  // namespace

std::span<BenchCase const> model_cases() {
  static constexpr BenchCase cases[] = {
      {"infer", "Forward pass of a model",
       "Timed: from a batch of images or texts in memory to its logits; of crate_mae, to the pixels of all patches.",
       model_options, run_infer},
      {"step", "Training step of a model",
       "Timed: forward pass, loss, backward pass, sum of the gradients over the ranks, clipping and AdamW, on a batch "
       "of\n"
       "images or texts in memory.",
       model_options, run_step},
  };
  return cases;
}

}  // namespace krate::tools
