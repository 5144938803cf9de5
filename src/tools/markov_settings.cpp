// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/markov_settings.hpp"

#include <cmath>
#include <limits>

#include "krate/core/require.hpp"

namespace krate::tools {

namespace {

constexpr char const* in_markov_settings = "krate::game";

/// Figures 1 to 5 of the paper.
std::vector<MarkovSetting> figures() {
  std::vector<MarkovSetting> all;
  for (int f = 1; f <= 5; ++f) all.push_back({"figure" + std::to_string(f), games::RoutingGame{}, {}});
  std::swap(all[1].rule.alpha_exponent, all[1].rule.beta_exponent);  // the wrong way round
  all[2].rule.tau = 1e-3;
  all[3].game.players = 8;
  all[4].game.rewards = games::Rewards::individual;
  all[4].game.transitions = games::Transitions::strategy_independent;
  return all;
}

std::vector<MarkovSetting> chosen_figures(MarkovOptions const& c) {
  auto const all = figures();
  if (c.figure == "all") return all;
  require_value(c.figure.size() == 1 && c.figure[0] >= '1' && c.figure[0] <= '5', in_markov_settings, "--figure",
                c.figure, "must be 1, 2, 3, 4, 5 or all");
  return {all[static_cast<std::size_t>(c.figure[0] - '1')]};
}

games::RoutingGame own_game(MarkovOptions const& c) {
  require_value(c.players > 0 && c.players <= 10000, in_markov_settings, "--players", c.players,
                "must be from 1 to 10000");
  require_value(c.routes > 0 && c.routes <= 10, in_markov_settings, "--routes", c.routes,
                "must be from 1 to 10: 2^routes states are told apart");
  require_value(c.crowd >= 0 && c.crowd <= c.players + 1, in_markov_settings, "--crowd", c.crowd,
                "must be from 0 to the players and one more");
  double const counts = std::pow(static_cast<double>(c.crowd + 1), static_cast<double>(c.routes));
  require_value(c.transitions != "action-dependent" || counts <= (1 << 20), in_markov_settings, "--crowd", c.crowd,
                "is too large for so many routes: (crowd + 1)^routes must be at most 2^20");
  double const size = static_cast<double>(c.players * c.routes) * std::pow(2.0, static_cast<double>(c.routes));
  require_value(size <= (1 << 22), in_markov_settings, "--players", c.players,
                "make policies of more than 2^22 numbers; choose fewer players or routes");
  auto game = games::routing_game(static_cast<std::size_t>(c.players), static_cast<std::size_t>(c.routes));
  game.crowd = static_cast<std::size_t>(c.crowd);
  require_value(c.discount >= 0 && c.discount < 1, in_markov_settings, "--discount", c.discount,
                "must be at least 0 and below 1");
  game.discount = c.discount;
  require_value(c.rewards == "common" || c.rewards == "individual", in_markov_settings, "--rewards", c.rewards,
                "must be common or individual");
  if (c.rewards == "individual") game.rewards = games::Rewards::individual;
  require_value(c.transitions == "action-dependent" || c.transitions == "strategy-independent", in_markov_settings,
                "--transitions", c.transitions, "must be action-dependent or strategy-independent");
  if (c.transitions != "action-dependent") game.transitions = games::Transitions::strategy_independent;
  return game;
}

/// @throws ValueError unless all values of a flag lie from `low` to `high`
void require_range(char const* flag, std::vector<double> const& values, double low, double high) {
  for (double const x : values)
    require_value(
        x >= low && x <= high, in_markov_settings, flag, x,
        high < 1e300 ? ("must be from " + krate::impl::value_text(low) + " to " + krate::impl::value_text(high)).c_str()
                     : "must be finite and not negative");
}

std::vector<games::LearningRule> own_rules(MarkovOptions const& c) {
  require_range("--tau", c.tau, 0, std::numeric_limits<double>::max());
  require_range("--alpha-exponent", c.alpha_exponent, 0, 10);
  require_range("--beta-exponent", c.beta_exponent, 0, 10);
  require_range("--exploration", c.exploration, 0, 1);
  std::vector<games::LearningRule> rules;
  for (double const tau : c.tau)
    for (double const alpha : c.alpha_exponent)
      for (double const beta : c.beta_exponent)
        for (double const exploration : c.exploration) rules.push_back({tau, alpha, beta, exploration, 0});
  require_value(rules.size() <= 1000, in_markov_settings, "settings", rules.size(),
                "must be at most 1000 combinations");
  return rules;
}

std::vector<MarkovSetting> own_settings(MarkovOptions const& c) {
  auto const game = own_game(c);
  auto const rules = own_rules(c);
  std::vector<MarkovSetting> settings;
  for (std::size_t i = 0; i < rules.size(); ++i)
    settings.push_back({rules.size() == 1 ? "run" : "run" + std::to_string(i + 1), game, rules[i]});
  return settings;
}

}  // namespace

MarkovTask markov_task(MarkovOptions const& c) {
  MarkovTask task;
  task.settings = c.figure.empty() ? own_settings(c) : chosen_figures(c);
  require_value(c.stages >= 0 && c.stages <= 1'000'000'000'000, in_markov_settings, "--stages", c.stages,
                "must be from 0 to 1e12");
  require_value(c.replicas > 0 && c.replicas <= 1'000'000, in_markov_settings, "--replicas", c.replicas,
                "must be from 1 to 1000000");
  require_value(c.records > 0 && c.records <= 100000, in_markov_settings, "--records", c.records,
                "must be from 1 to 100000");
  require_value(c.seed >= 0 && c.seed <= 0xffffffffll - c.replicas, in_markov_settings, "--seed", c.seed,
                "must not be negative, and with the replicas stay below 2^32");
  std::string const random = !c.random.empty() ? c.random : c.figure.empty() ? "counter" : "mersenne";
  require_value(random == "counter" || random == "mersenne", in_markov_settings, "--random", random,
                "must be counter or mersenne");
  task.random = random == "counter" ? games::RandomStream::counter : games::RandomStream::mersenne;
  task.replicas = static_cast<std::size_t>(c.replicas);
  task.stages = c.stages;
  task.records = static_cast<std::size_t>(c.records);
  for (auto& s : task.settings) s.rule.seed = static_cast<std::uint64_t>(c.seed);
  return task;
}

}  // namespace krate::tools
