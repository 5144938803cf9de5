// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The model redunet in train, eval and predict. It takes features, and images as the rows of numbers that they are.
#pragma once

#include <string>

#include "krate/train/inference.hpp"
#include "tools/model_command.hpp"
#include "tools/options.hpp"

namespace krate::tools {

/// Builds all layers and writes RUN. Collective.
void train_redunet(Context& context, OptionTable& options, std::string const& run);

/// True if a model file holds a ReduNet. Collective.
bool is_redunet(Context& context, std::string const& model);

/// As krate eval and krate predict do; the logits are those of the last layer's soft assignment, the features what it
/// makes. Collective.
train::Evaluation eval_redunet(Context& context, ModelArguments const& arguments);
void predict_redunet(Context& context, ModelArguments const& arguments, std::string const& output);

}  // namespace krate::tools
