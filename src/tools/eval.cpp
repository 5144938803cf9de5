// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate eval: loss and accuracy of a model.
#include <cstdio>

#include "tools/commands.hpp"
#include "tools/model_command.hpp"
#include "tools/redunet.hpp"

namespace krate::tools {

void add_eval(CLI::App& app, Context& context) {
  auto* const eval = app.add_subcommand("eval", "Loss and accuracy of a model on a dataset");
  eval->footer(
      "The loss is plain cross-entropy. For a model trained by mcr2 it is that objective, of all chosen samples "
      "together,\n"
      "and the accuracy that of the nearest subspace: each class is the span of the dim / classes leading directions "
      "of\n"
      "its features in the train part of the same dataset (all samples where it has no /split).\n"
      "Example: krate eval run/model.h5 --data digits.h5");
  auto const arguments = std::make_shared<ModelArguments>();
  add_model_arguments(*eval, *arguments, true);
  context.add_json_flag(*eval);
  eval->callback([&context, arguments] {
    train::Evaluation found;
    if (is_redunet(context, arguments->model)) {
      found = eval_redunet(context, *arguments);
    } else {
      with_model<ImageModels>(context, *arguments, true, [&](auto& run) {
        found = run.inference.evaluate(run.space, run.comm, run.source, train::Part::train, train::Part::test);
      });
    }
    if (context.json()) {
      return context.print_json({{"samples", found.samples}, {"loss", found.loss}, {"accuracy", found.accuracy()}});
    }
    char line[128];
    std::snprintf(line, sizeof line, "%lld samples, loss %.6f, accuracy %.4f (%lld right)",
                  static_cast<long long>(found.samples), found.loss, found.accuracy(),
                  static_cast<long long>(found.correct));
    context.print(line);
  });
}

}  // namespace krate::tools
