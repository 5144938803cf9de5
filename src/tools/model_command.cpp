// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/model_command.hpp"

#include "tools/cli.hpp"

namespace krate::tools {

void add_model_arguments(cli::App& command, ModelArguments& arguments, bool splits) {
  command.add_option("model", arguments.model, "Model file or checkpoint")->required()->option_text("M.h5");
  command.add_option("--data", arguments.data, "Dataset file")->required()->option_text("D.h5");
  command.add_option("--batch", arguments.batch, "Samples at a time")->option_text("INT [128]");
  if (splits) {
    command.add_option("--split", arguments.split, "Which samples: train, test or all [test where the file has it]")
        ->option_text("PART");
  }
}

}  // namespace krate::tools
