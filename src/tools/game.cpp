// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate game: systems of players.

#include "tools/cli.hpp"
#include "tools/commands.hpp"
#include "tools/ctrl.hpp"

namespace krate::tools {

void add_game(cli::App& app, Context& context) {
  auto* const game = app.add_subcommand("game", "Players that learn: ctrl or markov");
  game->require_subcommand(1);
  game->footer("Example: krate game markov --figure all -o figures");
  add_game_ctrl(*game, context);
  add_game_markov(*game, context);
}

}  // namespace krate::tools
