// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The subcommands, one file each. See Context for what such a function does.
#pragma once

#include "tools/context.hpp"

namespace krate::tools {

void add_info(cli::App& app, Context& context);
void add_data(cli::App& app, Context& context);
void add_train(cli::App& app, Context& context);
void add_resume(cli::App& app, Context& context);
void add_eval(cli::App& app, Context& context);
void add_predict(cli::App& app, Context& context);
void add_generate(cli::App& app, Context& context);
void add_import(cli::App& app, Context& context);
void add_export(cli::App& app, Context& context);
void add_rate(cli::App& app, Context& context);
void add_analyze(cli::App& app, Context& context);
void add_analyze_layers(cli::App& analyze, Context& context);
void add_analyze_inversion(cli::App& analyze, Context& context);
void add_analyze_objective(cli::App& analyze, Context& context);
void add_analyze_probe(cli::App& analyze, Context& context);
void add_game(cli::App& app, Context& context);
void add_game_markov(cli::App& game, Context& context);
void add_report(cli::App& app, Context& context);
void add_bench(cli::App& app, Context& context);

}  // namespace krate::tools
