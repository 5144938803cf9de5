// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The subcommands, one file each. See Context for what such a function does.
#pragma once

#include "tools/context.hpp"

namespace krate::tools {

void add_info(CLI::App& app, Context& context);
void add_data(CLI::App& app, Context& context);
void add_train(CLI::App& app, Context& context);
void add_resume(CLI::App& app, Context& context);
void add_eval(CLI::App& app, Context& context);
void add_predict(CLI::App& app, Context& context);
void add_generate(CLI::App& app, Context& context);
void add_import(CLI::App& app, Context& context);
void add_export(CLI::App& app, Context& context);
void add_rate(CLI::App& app, Context& context);
void add_analyze(CLI::App& app, Context& context);
void add_analyze_layers(CLI::App& analyze, Context& context);
void add_analyze_inversion(CLI::App& analyze, Context& context);
void add_analyze_objective(CLI::App& analyze, Context& context);
void add_analyze_probe(CLI::App& analyze, Context& context);
void add_game(CLI::App& app, Context& context);
void add_game_markov(CLI::App& game, Context& context);
void add_report(CLI::App& app, Context& context);
void add_bench(CLI::App& app, Context& context);

}  // namespace krate::tools
