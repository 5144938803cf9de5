// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <numeric>
#include <span>

#include "krate/core/require.hpp"
#include "tools/cli.hpp"
#include "tools/commands.hpp"
#include "tools/game_run.hpp"
#include "tools/markov_settings.hpp"

namespace krate::tools {

namespace {

constexpr char const* in_game_markov = "krate::game";
constexpr double near_nash = 0.1;  // "time to Nash distance 0.1"

struct GameMarkovCommand {
  GameRun run{"/markov.h5"};
  MarkovOptions options{};
  std::vector<cli::Option*> of_the_game{};  ///< which --figure gives
  std::vector<cli::Option*> of_the_run{};   ///< which a checkpoint gives
};

double mean_of(std::span<double const> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// Of a replica: mean over the players, and the largest of them.
struct Ends {
  std::vector<double> mean, largest;
  Ends(MarkovTask const& task, MarkovResult const& r, std::size_t players) {
    for (std::size_t k = 0; k < task.replicas; ++k) {
      auto const own = std::span(r.final_nash).subspan(k * players, players);
      mean.push_back(mean_of(own));
      largest.push_back(*std::max_element(own.begin(), own.end()));
    }
  }
};

struct Speed {
  double seconds = 0, per_second = 0, per_core = 0;
  int threads = 1;
};
Speed speed_of(Context& context, MarkovTask const& task, std::vector<MarkovResult> const& results) {
  Speed s;
  s.threads = context.space().concurrency();
  double const stages = static_cast<double>(task.stages) * static_cast<double>(task.replicas * results.size());
  double busy = 0;  // seconds of all cores that had a replica to play
  for (std::size_t i = 0; i < results.size(); ++i) {
    auto const together = static_cast<double>(task.of_one_game(i) * task.replicas);
    s.seconds += results[i].seconds;
    busy += results[i].seconds * std::min(together, 1.0 * s.threads * context.comm().size());
  }
  s.per_second = s.seconds > 0 ? stages / s.seconds : 0;
  s.per_core = busy > 0 ? stages / busy : 0;
  return s;
}

/// Middle stage at which those replicas that came near got there, and how many did.
struct Arrival {
  std::size_t replicas = 0;
  std::int64_t stage = 0;
  explicit Arrival(std::vector<std::int64_t> reached) {
    std::erase(reached, -1);
    replicas = reached.size();
    if (reached.empty()) return;
    std::sort(reached.begin(), reached.end());
    stage = reached[(reached.size() - 1) / 2];
  }
};

Json result_json(Context& context, MarkovTask const& task, std::vector<MarkovResult> const& results,
                 std::string const& path) {
  Json settings = Json::array(), seconds = Json::array();
  Speed const speed = speed_of(context, task, results);
  for (std::size_t i = 0; i < results.size(); ++i) {
    auto const& s = task.settings[i];
    Ends const ends(task, results[i], s.game.players);
    Arrival const near(results[i].reached(task, near_nash));
    Json reached = Json::array();
    for (auto const k : results[i].reached(task, near_nash)) reached.push_back(k < 0 ? Json() : Json(k));
    Json setting = to_json(s);
    setting["nash_distance"] = ends.mean;
    setting["largest_nash_distance"] = ends.largest;
    setting["stage_of_nash_distance_0.1"] = reached;
    seconds.push_back(near.replicas > 0 ? Json(static_cast<double>(near.stage) / speed.per_core) : Json());
    settings.push_back(setting);
  }
  Json found{{"path", path}};
  found.update(to_json(task));
  found["settings"] = settings;
  found["seconds"] = speed.seconds;
  found["core_seconds_to_nash_distance_0.1"] = seconds;
  found["stages_per_second"] = speed.per_second;
  found["stages_per_second_and_core"] = speed.per_core;
  found["threads"] = speed.threads;
  found["ranks"] = context.comm().size();
  return found;
}

void show(Context& context, MarkovTask const& task, std::vector<MarkovResult> const& results, std::string const& path) {
  auto const line = [&](char const* format, auto... values) {
    char text[256];
    std::snprintf(text, sizeof text, format, values...);
    context.print(text);
  };
  Speed const speed = speed_of(context, task, results);
  context.print("Nash distance after " + std::to_string(task.stages) +
                " stages, mean over the players (largest), by seed");
  for (std::size_t i = 0; i < results.size(); ++i) {
    auto const& s = task.settings[i];
    Ends const ends(task, results[i], s.game.players);
    std::string row = s.name;
    row.resize(8, ' ');
    for (std::size_t r = 0; task.replicas <= 8 && r < task.replicas; ++r) {
      char cell[48];
      std::snprintf(cell, sizeof cell, "  %.4f (%.4f)", ends.mean[r], ends.largest[r]);
      row += cell;
    }
    if (task.replicas <= 8) context.print(row);
    if (task.replicas > 8)
      line("%s  %.4f (%.4f) on average, at most %.4f (%.4f)", row.c_str(), mean_of(ends.mean), mean_of(ends.largest),
           *std::max_element(ends.mean.begin(), ends.mean.end()),
           *std::max_element(ends.largest.begin(), ends.largest.end()));
    Arrival const near(results[i].reached(task, near_nash));
    if (near.replicas > 0) {
      line("          within %.1f: %zu of %zu replicas, at stage %lld in the middle, %.3g s of a core", near_nash,
           near.replicas, task.replicas, static_cast<long long>(near.stage),
           static_cast<double>(near.stage) / speed.per_core);
    } else {
      line("          within %.1f: none of %zu replicas", near_nash, task.replicas);
    }
  }
  line("%.3g s for %zu x %zu replicas: %.3g stages a second, %.3g a second and core (%d threads, %d ranks)",
       speed.seconds, results.size(), task.replicas, speed.per_second, speed.per_core, speed.threads,
       context.comm().size());
  context.print(path + " and, beside it, a table (.csv) and a picture (.png) of each");
}

void run(Context& context, GameMarkovCommand const& command) {
  MarkovTask task;
  MarkovState state;
  for (auto const* option : command.of_the_run)
    if (command.run.resume && !option->empty())
      throw ValueError(in_game_markov,
                       option->get_name() + " cannot stand beside --resume (a run keeps its settings); leave it out");
  for (auto const* option : command.of_the_game)
    if (!command.options.figure.empty() && !option->empty())
      throw ValueError(
          in_game_markov,
          option->get_name() + " cannot stand beside --figure (which gives game and rule); leave one of them out");
  auto const start = [&] { task = markov_task(command.options); };
  auto const go_on = [&] { read_checkpoint(context, command.run.checkpoint(), task, state); };
  if (!begin(context, command.run, start, go_on)) return;
  play_markov(context, task, state, command.run.checkpoint(), command.run.checkpoint_seconds());
  write_markov(context, task, state.results, command.run.output);
  end(context, command.run);
  if (context.json()) return context.print_json(result_json(context, task, state.results, command.run.path()));
  show(context, task, state.results, command.run.path());
}

void add_options(cli::App& app, GameMarkovCommand& command) {
  auto& c = command.options;
  auto const of_the_run = [&](cli::Option* option, char const* text) {
    option->option_text(text);
    command.of_the_run.push_back(option);
  };
  auto const of_the_game = [&](cli::Option* option, char const* text) {
    of_the_run(option, text);
    command.of_the_game.push_back(option);
  };
  of_the_run(app.add_option("--figure", c.figure, "A figure of the paper, 1 to 5, or all: game and rule are its own"),
             "TEXT");
  of_the_game(app.add_option("--players", c.players, "Players"), "INT [4]");
  of_the_game(app.add_option("--routes", c.routes, "Routes, each safe or not: 2^routes states"), "INT [2]");
  of_the_game(app.add_option("--crowd", c.crowd, "So many players make a route unsafe with 0.8, else with 0.2"),
              "INT [2]");
  of_the_game(app.add_option("--discount", c.discount, "What the next stage counts"), "NUMBER [0.5]");
  of_the_game(app.add_option("--rewards", c.rewards, "common (the sum of all) or individual"), "TEXT [common]");
  of_the_game(app.add_option("--transitions", c.transitions, "action-dependent or strategy-independent"),
              "TEXT [action-dependent]");
  auto const several = [&](char const* flag, std::vector<double>& values, char const* about) {
    return app.add_option(flag, values, about)->delimiter(',');
  };
  of_the_game(several("--tau", c.tau, "Temperature of the response; 0: the best one"), "NUMBER,... [1e-6]");
  of_the_game(several("--alpha-exponent", c.alpha_exponent, "Steps of values are n^-this"), "NUMBER,... [0.5]");
  of_the_game(several("--beta-exponent", c.beta_exponent, "Steps of policies are n^-this"), "NUMBER,... [1]");
  of_the_game(several("--exploration", c.exploration, "This part of each response is uniform"), "NUMBER,... [0]");
  of_the_run(app.add_option("--stages", c.stages, "Stages of a replica"), "INT [100000]");
  of_the_run(app.add_option("--replicas", c.replicas, "Replicas, of seeds one after another"), "INT [5]");
  of_the_run(app.add_option("--seed", c.seed, "Seed of the first replica"), "INT [1]");
  of_the_run(app.add_option("--records", c.records, "Points of the curves, in equal steps"), "INT [1000]");
  of_the_run(app.add_option("--random", c.random,
                            "Random numbers: counter, or mersenne as the authors' code has them [for --figure]"),
             "TEXT [counter]");
  add_run_options(app, command.run);
}

}  // namespace

void add_game_markov(cli::App& game, Context& context) {
  auto* const app = game.add_subcommand(
      "markov", "Independent learning in Markov potential games: players see the state and their own reward only");
  auto const c = std::make_shared<GameMarkovCommand>();
  add_options(*app, *c);
  context.add_json_flag(*app);
  app->footer(
      "Routing games: on route e with count_e players each gets b_e - w m_e count_e, b = 9, 16, 23, ..., m = 2, 4, 6, "
      "...,\n"
      "w = 2 on a safe route and 1 on an unsafe one. Potential games are those with common rewards, and those with\n"
      "strategy-independent transitions. Of several numbers (--tau 1e-3,1e-6) all combinations are played, with as "
      "many\n"
      "replicas each, at once: their results are run1, run2, ... Replicas are shared out over threads and ranks, and "
      "play the same on any "
      "number.\n"
      "DIR/markov.h5: /stages and, by figure (or /run), {policy,q,nash}_distance/{mean, deviation} [stages, players],\n"
      "replicas/nash_distance [replicas, stages], final/{policy, q, nash_distance}. The Nash distance of a player is "
      "what\n"
      "it lacks to its best reply, summed over the states, its policy being that of the stage and the others' their "
      "last.\n"
      "DIR/checkpoint.h5 is there while a run goes on; what --resume ends has the bits of the uninterrupted run.\n"
      "DIR/figure1.csv, DIR/figure1.png: mean and standard deviation over the replicas, by player.\n"
      "Example: krate game markov --figure all -o figures\n"
      "         krate game markov --players 8 --replicas 1000 --records 50 --stages 1000000 -o out");
  app->callback([&context, c] { run(context, *c); });
}

}  // namespace krate::tools
