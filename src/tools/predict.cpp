// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate predict: outputs of a model for every sample of a dataset.
#include <nlohmann/json.hpp>
#include <optional>

#include "krate/io/hdf5.hpp"
#include "tools/cli.hpp"
#include "tools/closed_loop.hpp"
#include "tools/commands.hpp"
#include "tools/files.hpp"
#include "tools/flatnet.hpp"
#include "tools/masked_prediction.hpp"
#include "tools/model_command.hpp"
#include "tools/redunet.hpp"

namespace krate::tools {

namespace {

/// Rows of a device matrix, appended to host memory.
template <class M, class T>
void append_rows(Space const& space, M const& from, std::vector<T>& to) {
  std::size_t const old = to.size();
  to.resize(old + from.size());
  Kokkos::View<T**, Kokkos::LayoutRight, Kokkos::HostSpace, impl::Unmanaged> const host(to.data() + old, from.extent(0),
                                                                                        from.extent(1));
  Kokkos::deep_copy(space, host, from);
}

struct PredictCommand {
  ModelArguments arguments;
  std::string output;
  std::optional<double> mask_ratio, lambda;
  bool decode = false;
};

void say_made(Context& context, std::string const& output, char const* what, std::size_t samples) {
  context.print(output + ": " + what + " of " + std::to_string(samples) + " samples");
  if (context.json()) context.print_json({{"path", output}, {"samples", samples}});
}

template <class Model>
void predict_images(Context& context, ModelOnData<Model>& run, PredictCommand const& command) {
  using T = typename Model::Scalar;
  std::vector<T> features, images;
  auto const share = comm::share_of(run.source.size(train::Part::train), run.comm.rank(), run.comm.size());
  auto progress = context.progress("predicting", share.count);
  predict_masked(run, run.mine(), command.mask_ratio.value_or(0),
                 [&](std::size_t done, auto const& some, auto const& predicted) {
                   append_rows(run.space, some, features);
                   append_rows(run.space, predicted, images);
                   progress.update(done);
                 });
  progress.wipe();
  auto const& c = run.model.config();
  std::size_t const total = run.source.size(train::Part::train);
  auto file = io::File::create(command.output, run.comm);
  file.template write<T>("/features", {total, c.dim}, share.begin, share.count, features);
  file.template write<T>("/reconstruction", {total, c.channels, c.image_size.height, c.image_size.width}, share.begin,
                         share.count, images);
  file.commit();
  say_made(context, command.output, "features and reconstructions", total);
}

template <class Model>
void predict(Context& context, ModelOnData<Model>& run, std::string const& output) {
  using T = typename Model::Scalar;
  constexpr bool text = train::ReadsTokens<Model>;
  std::vector<T> logits, features;
  auto const mine = run.mine();
  auto progress = context.progress("predicting", mine.size());
  run.inference.run(run.space, run.source, train::Part::train, mine, [&](auto const& batch) {
    append_rows(run.space, batch.logits, logits);
    if (!text) append_rows(run.space, batch.features, features);
    progress.update(batch.first + batch.samples);
  });
  progress.wipe();
  auto const share = comm::share_of(run.source.size(train::Part::train), run.comm.rank(), run.comm.size());
  std::size_t const total = run.source.size(train::Part::train);
  auto file = io::File::create(output, run.comm);
  if constexpr (text) {
    file.template write<T>("/logits", {total, run.source.tokens(), run.model.config().vocabulary}, share.begin,
                           share.count, logits);
  } else {
    file.template write<T>("/logits", {total, run.model.config().classes}, share.begin, share.count, logits);
    file.template write<T>("/features", {total, run.model.config().dim}, share.begin, share.count, features);
  }
  file.commit();
  say_made(context, output, text ? "logits" : "logits and features", total);
}

}  // namespace

void add_predict(cli::App& app, Context& context) {
  auto* const command = app.add_subcommand("predict", "Outputs of a model for every sample of a dataset");
  command->footer(
      "The file gets /logits [samples, classes] and /features [samples, dim] (the input of the head's linear map), "
      "all\n"
      "samples in file order; labels are not needed. The head of a model trained by mcr2 was not trained: its logits\n"
      "mean nothing. A language model gives /logits [samples, tokens, vocabulary] alone; a masked autoencoder "
      "/features\n"
      "[samples, dim] (its class token behind the encoder) and /reconstruction [samples, channels, height, width], in "
      "the\n"
      "units of what it was trained to predict, from all patches unless --mask-ratio removes some.\n"
      "A flatnet gives /features [samples, dim], its codes, and /reconstruction, what comes back from them; with "
      "--decode\n"
      "the samples are codes, and it gives /reconstruction alone. So do csc_ctrl and ctrl, of images in [0, 1]; "
      "--lambda\n"
      "codes more sparsely than in training, which helps against noise.\n"
      "Example: krate predict run/model.h5 --data digits.h5 -o outputs.h5");
  auto const given = std::make_shared<PredictCommand>();
  add_model_arguments(*command, given->arguments, false);
  command->add_option("-o,--output", given->output, "The file to make (HDF5)")->required()->option_text("OUT.h5");
  command->add_option("--mask-ratio", given->mask_ratio, "Part of the patches that a masked autoencoder does not see")
      ->option_text("NUMBER [0]");
  command->add_flag("--decode", given->decode, "The samples are codes of a flatnet, or features of csc_ctrl or ctrl");
  command->add_option("--lambda", given->lambda, "Sparsity weight of the codes of a csc_ctrl, other than in training")
      ->option_text("NUMBER");
  context.add_json_flag(*command);
  command->callback([&context, given] {
    given->arguments.split = "all";
    double const ratio = given->mask_ratio.value_or(0);
    require_value(ratio >= 0 && ratio <= 1, "krate::predict", "--mask-ratio", ratio, "must lie in [0, 1]");
    context.comm().guarded([&] { require_other(given->output, {given->arguments.model, given->arguments.data}); });
    if (is_closed_loop(context, given->arguments.model) && !given->mask_ratio)
      return predict_closed_loop(context, given->arguments, given->output, given->decode, given->lambda);
    if (given->lambda) {
      throw ValueError("krate::predict",
                       "--lambda means nothing for this model (only csc_ctrl codes as strictly as it is told); remove "
                       "it");
    }
    if (is_flatnet(context, given->arguments.model) && !given->mask_ratio)
      return predict_flatnet(context, given->arguments, given->output, given->decode);
    if (given->decode) {
      throw ValueError("krate::predict",
                       "--decode means nothing for this model (only flatnet, csc_ctrl and ctrl have a way back); "
                       "remove it");
    }
    if (is_redunet(context, given->arguments.model)) return predict_redunet(context, given->arguments, given->output);
    with_model<AllModels>(context, given->arguments, false, [&]<class Model>(ModelOnData<Model>& run) {
      if constexpr (train::RemovesPatches<Model>) return predict_images(context, run, *given);
      if (given->mask_ratio) {
        throw ValueError("krate::predict", std::string("--mask-ratio means nothing for a ") + Model::name +
                                               " (only masked autoencoders remove patches); remove it");
      }
      if constexpr (!train::RemovesPatches<Model>) predict(context, run, given->output);
    });
  });
}

}  // namespace krate::tools
