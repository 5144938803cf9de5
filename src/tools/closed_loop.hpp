// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The models csc_ctrl and ctrl in train, resume, eval and predict.
#pragma once

#include <optional>
#include <string>

#include "krate/train/inference.hpp"
#include "tools/model_command.hpp"
#include "tools/options.hpp"

namespace krate::tools {

/// Plays the game and writes RUN, or goes on from its newest checkpoint. Collective.
void train_closed_loop(Context& context, OptionTable& options, std::string const& run, bool resume);

/// True if a model file holds an encoder and a decoder of this game. Collective.
bool is_closed_loop(Context& context, std::string const& model);

/// The loss is the game's value on the chosen samples with its sign turned, the accuracy that of the nearest subspace
/// of features. Collective.
train::Evaluation eval_closed_loop(Context& context, ModelArguments const& arguments);
/// /features and /reconstruction. @param decode  the dataset holds features
/// @param lambda  of the codes, other than in training. Collective.
void predict_closed_loop(Context& context, ModelArguments const& arguments, std::string const& output, bool decode,
                         std::optional<double> lambda);

}  // namespace krate::tools
