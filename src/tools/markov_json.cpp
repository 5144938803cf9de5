// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <nlohmann/json.hpp>

#include "tools/markov.hpp"

namespace krate::tools {

Json to_json(MarkovSetting const& s) {
  bool const common = s.game.rewards == games::Rewards::common;
  bool const dependent = s.game.transitions == games::Transitions::action_dependent;
  return {{"name", s.name},
          {"players", s.game.players},
          {"routes", s.game.routes()},
          {"crowd", s.game.crowd},
          {"discount", s.game.discount},
          {"rewards", common ? "common" : "individual"},
          {"transitions", dependent ? "action-dependent" : "strategy-independent"},
          {"tau", s.rule.tau},
          {"alpha_exponent", s.rule.alpha_exponent},
          {"beta_exponent", s.rule.beta_exponent},
          {"exploration", s.rule.exploration},
          {"seed", s.rule.seed}};
}

Json to_json(MarkovTask const& task) {
  Json settings = Json::array();
  for (auto const& s : task.settings) settings.push_back(to_json(s));
  return {{"random", task.random == games::RandomStream::counter ? "counter" : "mersenne"},
          {"stages", task.stages},
          {"replicas", task.replicas},
          {"records", task.records},
          {"settings", settings}};
}

MarkovTask markov_task(Json const& json) {
  MarkovTask task;
  task.random = json.at("random") == "counter" ? games::RandomStream::counter : games::RandomStream::mersenne;
  task.stages = json.at("stages").get<std::int64_t>();
  task.replicas = json.at("replicas").get<std::size_t>();
  task.records = json.at("records").get<std::size_t>();
  for (auto const& j : json.at("settings")) {
    auto game = games::routing_game(j.at("players").get<std::size_t>(), j.at("routes").get<std::size_t>());
    game.crowd = j.at("crowd").get<std::size_t>();
    game.discount = j.at("discount").get<double>();
    game.rewards = j.at("rewards") == "common" ? games::Rewards::common : games::Rewards::individual;
    game.transitions = j.at("transitions") == "action-dependent" ? games::Transitions::action_dependent
                                                                 : games::Transitions::strategy_independent;
    games::LearningRule const rule{j.at("tau").get<double>(), j.at("alpha_exponent").get<double>(),
                                   j.at("beta_exponent").get<double>(), j.at("exploration").get<double>(),
                                   j.at("seed").get<std::uint64_t>()};
    task.settings.push_back({j.at("name").get<std::string>(), game, rule});
  }
  return task;
}

}  // namespace krate::tools
