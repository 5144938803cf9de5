// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate train: trains a model on a dataset.
#include "tools/cli.hpp"
#include "tools/commands.hpp"
#include "tools/files.hpp"
#include "tools/training.hpp"

namespace krate::tools {

void add_train(cli::App& app, Context& context) {
  auto* const train = app.add_subcommand("train", "Train a model on a dataset");
  train->footer(
      "RUN gets config.toml (all options), metrics.csv (a row a step), checkpoints/, model.h5, summary.json and "
      "report/.\n"
      "With --objective mcr2 the loss of a train row is that of the global batch, and its accuracy is empty; that of "
      "a\n"
      "test row is of all test samples together, and its accuracy that of the nearest subspace (see krate eval "
      "--help).\n"
      "causal_crate and crate_bert read texts (krate data text); loss and accuracy are those of a token. crate_bert "
      "fills "
      "in\n15 % of them, masked anew in each step; 0 is its padding.\n"
      "csc_ctrl and ctrl play a game: an encoder makes the rates of features large, a decoder the distance between "
      "those\n"
      "of images and of what it makes of them small. The loss is the game's value with its sign turned, game.csv has "
      "its\n"
      "terms; images lie in [0, 1], and a last batch that is not full is left out.\n"
      "Runs of text models, mlp, mcr2 and of that game have no report.\n"
      "--augment joins by + what happens to each image, anew in each step: crop (a part of 8 % to 100 % of its area "
      "and "
      "of\n"
      "sides 3 : 4 to 4 : 3, at the size of the whole), flip (left and right), shift1 or shift2 (pixels).\n"
      "The next batch is loaded while the model learns from this one; what it still had to wait for is\n"
      "seconds_waiting_for_data in summary.json.\n"
      "--from M.h5 starts from another model's parameters, for other classes or images of another size; the head of a\n"
      "classifier starts anew, and so does the convolution of a crate_alpha where --patch-size is another. A crate "
      "can\n"
      "start from the encoder of a crate_mae, whose features it computes then: its --patch-embedding is linear.\n"
      "With --srr-weight W the loss of a train row is cross-entropy less W times the mean over blocks and samples of\n"
      "R - R^c - lambda |Z|_1 of the tokens that leave a block, at unit length (krate analyze objective): the mean is\n"
      "over the global batch, whatever the number of ranks. The loss of a test row is cross-entropy alone.\n"
      "With --layer-decay D block i of L learns at D^(L - i) of the rate (i from 0), the embedding at D^(L + 1).\n"
      "SIGTERM and Ctrl-C write a checkpoint first; krate resume RUN goes on from it.\n"
      "Example: krate train --model crate --data digits.h5 --epochs 20 -o run");
  struct Command {
    OptionTable options = training_options();
    std::string config, run;
  };
  auto const command = std::make_shared<Command>();
  command->options.bind(*train);
  train->add_option("--config", command->config, "TOML file with any of these options, key = flag with _ for -")
      ->option_text("C.toml");
  train->add_option("-o,--output", command->run, "Directory of the run, new or empty")->required()->option_text("RUN");
  context.add_json_flag(*train);
  train->callback([&context, command] {
    auto& o = command->options;
    context.comm().guarded([&] {
      if (!command->config.empty()) o.read_toml(command->config);
      if (!o.has_value("model"))
        throw ValueError("krate::train", "--model is missing (which family to train); give --model crate");
      if (!o.has_value("data"))
        throw ValueError("krate::train", "--data is missing (what to train on); give a dataset file");
      o.choose(o.get<std::string>("model"));
      require_new_directory(command->run, "krate::train",
                            "choose another RUN, or go on with krate resume " + command->run);
    });
    train_run(context, o, command->run, false);
  });
}

}  // namespace krate::tools
