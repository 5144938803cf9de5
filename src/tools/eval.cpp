// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate eval: loss and accuracy of a model.
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "tools/cli.hpp"
#include "tools/closed_loop.hpp"
#include "tools/commands.hpp"
#include "tools/flatnet.hpp"
#include "tools/model_command.hpp"
#include "tools/redunet.hpp"

namespace krate::tools {

void add_eval(cli::App& app, Context& context) {
  auto* const eval = app.add_subcommand("eval", "Loss and accuracy of a model on a dataset");
  eval->footer(
      "The loss is plain cross-entropy. For a model trained by mcr2 it is that objective, of all chosen samples "
      "together,\n"
      "and the accuracy that of the nearest subspace: each class is the span of the dim / classes leading directions "
      "of\n"
      "its features in the train part of the same dataset (all samples where it has no /split).\n"
      "For a flatnet the loss is the mean squared distance of a sample to what comes back.\n"
      "For csc_ctrl and ctrl it is the value of their game with its sign turned, and the accuracy that of the nearest\n"
      "subspace of dim / classes directions a class, at most 10.\n"
      "For a crate_mae the loss is that of the removed patches, each image's the same in every evaluation.\n"
      "For a language model loss and accuracy are those of a token; where tokens are bytes, its bits per token are "
      "bits "
      "per\nbyte.\n"
      "Example: krate eval run/model.h5 --data digits.h5");
  auto const arguments = std::make_shared<ModelArguments>();
  add_model_arguments(*eval, *arguments, true);
  context.add_json_flag(*eval);
  eval->callback([&context, arguments] {
    train::Evaluation found;
    bool text = false;
    bool const flatnet = is_flatnet(context, arguments->model);
    if (flatnet) {
      found = eval_flatnet(context, *arguments);
    } else if (is_redunet(context, arguments->model)) {
      found = eval_redunet(context, *arguments);
    } else if (is_closed_loop(context, arguments->model)) {
      found = eval_closed_loop(context, *arguments);
    } else {
      with_model<AllModels>(context, *arguments, true, [&]<class Model>(ModelOnData<Model>& run) {
        text = train::ReadsTokens<Model>;
        found = run.inference.evaluate(run.space, run.comm, run.source, train::Part::train, train::Part::test);
      });
    }
    double const bits = found.loss / std::log(2.0);
    if (context.json()) {
      Json result{{"samples", found.samples}, {"loss", found.loss}};
      if (found.has_accuracy) result["accuracy"] = found.accuracy();
      if (text) result["bits_per_token"] = bits;
      return context.print_json(result);
    }
    char line[128];
    if (!found.has_accuracy) {
      std::snprintf(line, sizeof line, "%lld samples, loss %.6g of %s", static_cast<long long>(found.samples),
                    found.loss, flatnet ? "the way there and back" : "the removed patches");
      return context.print(line);
    }
    std::snprintf(line, sizeof line, "%lld samples, loss %.6f, accuracy %.4f (%lld right)",
                  static_cast<long long>(found.samples), found.loss, found.accuracy(),
                  static_cast<long long>(found.correct));
    context.print(line);
    if (!text) return;
    std::snprintf(line, sizeof line, "bits per token %.6f (%lld tokens)", bits, static_cast<long long>(found.counted));
    context.print(line);
  });
}

}  // namespace krate::tools
