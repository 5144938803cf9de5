// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate generate: a text that goes on as a language model expects.
#include <nlohmann/json.hpp>
#include <vector>

#include "krate/core/arena.hpp"
#include "krate/core/random.hpp"
#include "krate/linalg/elementwise.hpp"
#include "krate/models/causal_crate.hpp"
#include "krate/models/gpt2.hpp"
#include "krate/models/tost_causal.hpp"
#include "krate/train/model_file.hpp"
#include "tools/cli.hpp"
#include "tools/commands.hpp"
#include "tools/sampling.hpp"

namespace krate::tools {

namespace {

constexpr char const* in_generate = "krate::generate";

struct Request {
  std::string model, prompt = "\n";
  std::int64_t tokens = 256, top_k = 0, seed = 0;
  double temperature = 1;
};

/// A model that is given one token after the other.
template <class Model>
class PromptReader {
 public:
  using T = typename Model::Scalar;

  PromptReader(Space const& space, Model const& model)
      : space_(space),
        model_(model),
        arena_(space, model.prepared_bytes() + model.step_workspace(1) + measure<Space>([&](auto& work) { cut(work); }),
               "krate::tools::arena"),
        work_(arena_.workspace()) {
    model_.prepare(space, work_, state_);
    cut(work_);
    logits_ = Kokkos::create_mirror_view(Kokkos::WithoutInitializing, Kokkos::HostSpace(), state_.logits);
  }

  /// Logits of what follows. Beyond the context the older half of the text is forgotten.
  std::vector<double> read(Label token) {
    if (text_.size() == model_.config().context) {
      std::vector<Label> const newer(text_.end() - static_cast<std::ptrdiff_t>(text_.size() / 2), text_.end());
      text_.clear();
      for (auto const old : newer) step(old);
    }
    step(token);
    Kokkos::deep_copy(space_, logits_, state_.logits);
    space_.fence("krate::tools::generate: the logits are read");
    return {logits_.data(), logits_.data() + logits_.size()};
  }

 private:
  void cut(Workspace<Space>& work) {
    id_ = work.template take<Label>(1, 1);
    model_.cut(work, 1, cache_);
    model_.cut(work, 1, 1, models::Pass::inference, state_);
  }
  void step(Label token) {
    fill(space_, id_, token);
    model_.step(space_, id_, text_.size(), state_, cache_, work_);
    text_.push_back(token);
  }

  Space space_;
  Model model_;
  typename Model::State state_;
  typename Model::Cache cache_;
  Matrix<Label, Space> id_;
  Arena<Space> arena_;
  Workspace<Space> work_;
  Kokkos::View<T**, Kokkos::LayoutRight, Kokkos::HostSpace> logits_;
  std::vector<Label> text_;
};

template <class Model>
std::string generate(Context& context, Request const& request, io::CheckpointReader const& file) {
  Space const& space = context.space();
  auto const model = train::load_model<Model>(space, file);
  require_value(model.config().vocabulary == 256, in_generate, "vocabulary", model.config().vocabulary,
                "must be 256: --prompt is read as bytes");
  PromptReader<Model> reader(space, model);
  std::vector<double> logits;
  for (unsigned char const c : request.prompt) logits = reader.read(c);
  SamplingOptions const sampling{request.temperature, static_cast<std::size_t>(request.top_k)};
  Random const random(Seed{static_cast<std::uint64_t>(request.seed)}, 0);
  std::string text;
  auto progress = context.progress("generating", static_cast<std::size_t>(request.tokens));
  while (text.size() < static_cast<std::size_t>(request.tokens)) {
    auto const next = sample(logits, sampling, random.uniform(text.size()));
    text.push_back(static_cast<char>(next));
    progress.update(text.size());
    if (text.size() < static_cast<std::size_t>(request.tokens)) logits = reader.read(static_cast<Label>(next));
  }
  progress.wipe();
  return text;
}

/// The model of the file, in the scalar of its parameters.
template <template <class, class> class Model>
std::string generate_with(Context& context, Request const& request, io::CheckpointReader const& file) {
  auto const names = file.tensors("/model");
  bool const wide = !names.empty() && file.info("/model/" + names.front()).element_bytes == sizeof(double);
  return (wide ? generate<Model<Space, double>> : generate<Model<Space, float>>)(context, request, file);
}

std::string generated(Context& context, Request const& request, io::CheckpointReader const& file) {
  if (file.model() == models::Gpt2<Space, float>::name) return generate_with<models::Gpt2>(context, request, file);
  if (file.model() == models::TostCausal<Space, float>::name)
    return generate_with<models::TostCausal>(context, request, file);
  file.require_model("causal_crate");
  return generate_with<models::CausalCrate>(context, request, file);
}

/// Bytes that are no UTF-8 become the replacement character.
Json as_json(std::string const& text) {
  return Json::parse(Json(text).dump(-1, ' ', false, Json::error_handler_t::replace));
}

}  // namespace

void add_generate(cli::App& app, Context& context) {
  auto* const command = app.add_subcommand("generate", "A text that goes on as a language model expects");
  command->footer(
      "The model reads bytes, as krate data text makes them. It is given one byte after the other and keeps of those "
      "before\n"
      "what their attention needs: one projection a block, keys and values of gpt2, sums of tost_causal. Beyond its "
      "context\nit forgets the older half.\n"
      "Example: krate generate run/model.h5 --prompt \"It was \" --tokens 400 --temperature 0.8");
  auto const given = std::make_shared<Request>();
  command->add_option("model", given->model, "Model file or checkpoint")->required()->option_text("M.h5");
  command->add_option("--prompt", given->prompt, "What the text begins with [an empty line]")->option_text("TEXT");
  command->add_option("--tokens", given->tokens, "Bytes to add")->option_text("INT [256]");
  command->add_option("--temperature", given->temperature, "Below 1 more certain, 0 always the likeliest byte")
      ->option_text("NUM [1]");
  command->add_option("--top-k", given->top_k, "Draw among so many of the likeliest bytes; 0: among all")
      ->option_text("INT [0]");
  command->add_option("--seed", given->seed, "Of the draws")->option_text("INT [0]");
  context.add_json_flag(*command);
  command->callback([&context, given] {
    require_value(!given->prompt.empty(), in_generate, "--prompt", "\"\"", "must have a character at least");
    require_value(given->tokens > 0 && given->tokens <= 1 << 24, in_generate, "--tokens", given->tokens,
                  "must be between 1 and 16777216");
    require_value(given->temperature >= 0, in_generate, "--temperature", given->temperature, "must not be negative");
    require_value(given->top_k >= 0, in_generate, "--top-k", given->top_k, "must not be negative; 0 is all");
    require_value(given->seed >= 0, in_generate, "--seed", given->seed, "must not be negative");
    io::CheckpointReader const file(given->model, context.comm());
    auto const text = generated(context, *given, file);
    if (!context.json()) return context.print(given->prompt + text);
    context.print_json({{"prompt", as_json(given->prompt)},
                        {"text", as_json(text)},
                        {"tokens", given->tokens},
                        {"temperature", given->temperature},
                        {"top_k", given->top_k},
                        {"seed", given->seed}});
  });
}

}  // namespace krate::tools
