// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate game markov: independent learning in Markov potential games, many replicas at once.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "krate/games/learning_rule.hpp"
#include "krate/games/routing_game.hpp"
#include "tools/context.hpp"

namespace krate::tools {

/// A game and how it is learnt.
struct MarkovSetting {
  std::string name;  ///< "figure1"; of files and groups
  games::RoutingGame game;
  games::LearningRule rule;  ///< its seed is that of the first replica

  std::size_t size() const { return game.players * game.states() * game.routes(); }
};

struct MarkovTask {
  std::vector<MarkovSetting> settings{};
  std::size_t replicas = 5;
  std::int64_t stages = 100000;
  std::size_t records = 1000;
  games::RandomStream random = games::RandomStream::counter;

  /// How many settings, one after another, are of the game of this one: they are played at once.
  std::size_t of_one_game(std::size_t setting) const;
  /// Stages that are kept: the ends of `records` parts, and the begin.
  std::vector<std::int64_t> kept() const;
};

Json to_json(MarkovSetting const& setting);
Json to_json(MarkovTask const& task);
/// @throws nlohmann's exceptions for what to_json() did not write
MarkovTask markov_task(Json const& json);

/// Means and squared differences from them, one replica after another: the same bits however replicas were shared out.
struct MarkovCurve {
  std::vector<double> mean{}, square{};
  void add(double const* values, std::size_t size, double replicas_with_it);
  std::vector<double> deviation(std::size_t replicas) const;
};

/// What is known of a setting after some of its replicas.
struct MarkovResult {
  std::size_t replicas = 0;
  MarkovCurve distances[3]{};                     ///< [records, players] of policies, values q, and the Nash distance
  std::vector<double> by_replica{};               ///< [replicas, records] Nash distance, mean over the players
  std::vector<double> final_policy{}, final_q{};  ///< [replicas, players, states, actions]
  std::vector<double> final_nash{};               ///< [replicas, players]
  double seconds = 0;                             ///< of playing, on the slowest rank

  /// The first kept stage from which the mean over the players stays at or below `bound`, of each replica; -1 if none.
  std::vector<std::int64_t> reached(MarkovTask const& task, double bound) const;
};

/// How far a task is. Replicas of all settings are one after another; those that follow the ones with results may be in
/// the middle of their stages.
struct MarkovState {
  std::vector<MarkovResult> results{};
  std::size_t playing = 0;               ///< replicas in the middle, of settings of one game
  std::int64_t stage = 0;                ///< where they are
  double seconds = 0;                    ///< that it took
  std::vector<std::uint8_t> replicas{};  ///< this rank's share of them, as Ensemble::save() gives it
  std::vector<double> policy{}, q{};     ///< and of their records, [share, records * size]

  std::size_t done() const;  ///< replicas with results
};

/// Collective: plays what `state` lacks. Ranks share the replicas, all have the results, whatever their number.
/// @param checkpoint  after so many seconds the state goes to this file, again and again; empty: never
void play_markov(Context& context, MarkovTask const& task, MarkovState& state, std::string const& checkpoint,
                 double seconds);

/// Collective: one file, in one step; for any number of ranks to go on from.
void write_checkpoint(Context& context, MarkovTask const& task, MarkovState const& state, std::string const& path);
/// Collective. @throws IoError for what is no such file
void read_checkpoint(Context& context, std::string const& path, MarkovTask& task, MarkovState& state);

/// Collective: markov.h5, and of each setting NAME.csv and NAME.png, in an existing directory.
void write_markov(Context& context, MarkovTask const& task, std::vector<MarkovResult> const& results,
                  std::string const& directory);

}  // namespace krate::tools
