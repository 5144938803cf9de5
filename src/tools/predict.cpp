// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate predict: outputs of a model for every sample of a dataset.
#include "krate/io/hdf5.hpp"
#include "tools/commands.hpp"
#include "tools/files.hpp"
#include "tools/model_command.hpp"
#include "tools/redunet.hpp"

namespace krate::tools {

namespace {

/// Rows of a device matrix, appended to host memory.
template <class M, class T>
void append(Space const& space, M const& from, std::vector<T>& to) {
  std::size_t const old = to.size();
  to.resize(old + from.size());
  Kokkos::View<T**, Kokkos::LayoutRight, Kokkos::HostSpace, impl::Unmanaged> const host(to.data() + old, from.extent(0),
                                                                                        from.extent(1));
  Kokkos::deep_copy(space, host, from);
}

template <class Model>
void predict(Context& context, ModelOnData<Model>& run, std::string const& output) {
  using T = typename Model::Scalar;
  constexpr bool text = train::ReadsTokens<Model>;
  std::vector<T> logits, features;
  auto const mine = run.mine();
  auto progress = context.progress("predicting", mine.size());
  run.inference.run(run.space, run.source, train::Part::train, mine, [&](auto const& batch) {
    append(run.space, batch.logits, logits);
    if (!text) append(run.space, batch.features, features);
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
  context.print(output + (text ? ": logits of " : ": logits and features of ") + std::to_string(total) + " samples");
  if (context.json()) context.print_json({{"path", output}, {"samples", total}});
}

}  // namespace

void add_predict(CLI::App& app, Context& context) {
  auto* const command = app.add_subcommand("predict", "Outputs of a model for every sample of a dataset");
  command->footer(
      "The file gets /logits [samples, classes] and /features [samples, dim] (the input of the head's linear map), "
      "all\n"
      "samples in file order; labels are not needed. The head of a model trained by mcr2 was not trained: its logits\n"
      "mean nothing. A language model gives /logits [samples, tokens, vocabulary] alone.\n"
      "Example: krate predict run/model.h5 --data digits.h5 -o outputs.h5");
  struct Command {
    ModelArguments arguments;
    std::string output;
  };
  auto const given = std::make_shared<Command>();
  add_model_arguments(*command, given->arguments, false);
  command->add_option("-o,--output", given->output, "The file to make (HDF5)")->required()->option_text("OUT.h5");
  context.add_json_flag(*command);
  command->callback([&context, given] {
    given->arguments.split = "all";
    context.comm().guarded([&] { require_other(given->output, {given->arguments.model, given->arguments.data}); });
    if (is_redunet(context, given->arguments.model)) return predict_redunet(context, given->arguments, given->output);
    with_model<AllModels>(context, given->arguments, false, [&](auto& run) { predict(context, run, given->output); });
  });
}

}  // namespace krate::tools
