// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "krate/core/require.hpp"
#include "tools/cli.hpp"
#include "tools/commands.hpp"
#include "tools/ctrl.hpp"
#include "tools/game_run.hpp"

namespace krate::tools {

namespace {

constexpr char const* in_game_ctrl = "krate::game";

struct GameCtrlCommand {
  GameRun run{"/ctrl.h5"};
  std::string figure, data, follower = "adam";
  SubspaceOptions subspaces{};
  std::int64_t width = 40, inner_steps = 1000, batch = 50, epochs = 2, replicas = 1, seed = 1337, hidden = 0;
  double eps_squared = 1, encoder_rate = 1e-2, decoder_rate = 1e-3;
  bool single = false;
  cli::Option *inner_given = nullptr, *epochs_given = nullptr, *data_given = nullptr;
  std::vector<cli::Option*> of_the_game{};     ///< which --figure gives
  std::vector<cli::Option*> of_the_samples{};  ///< which --figure and --data give
  std::vector<cli::Option*> of_the_run{};      ///< which a checkpoint gives
};

void refuse(std::vector<cli::Option*> const& options, std::string const& beside, std::string const& why) {
  for (auto const* option : options)
    if (!option->empty())
      throw ValueError(in_game_ctrl,
                       option->get_name() + " cannot stand beside " + beside + " (" + why + "); leave one of them out");
}

std::vector<CtrlSetting> chosen_figures(GameCtrlCommand const& c) {
  refuse(c.of_the_game, "--figure", "which gives the game");
  refuse(c.of_the_samples, "--figure", "which gives the samples");
  return ctrl_figures(c.figure, c.data);
}

CtrlSetting own_setting(GameCtrlCommand const& c) {
  CtrlSetting s = c.single ? single_subspace("run") : CtrlSetting();
  s.name = "run";
  require_value(c.width > 0 && c.width <= 4096, in_game_ctrl, "--width", c.width, "must be from 1 to 4096");
  require_value(c.eps_squared > 0 && std::isfinite(c.eps_squared), in_game_ctrl, "--eps-squared", c.eps_squared,
                "must be positive");
  require_value(c.encoder_rate > 0 && std::isfinite(c.encoder_rate), in_game_ctrl, "--encoder-rate", c.encoder_rate,
                "must be positive");
  require_value(c.decoder_rate > 0 && std::isfinite(c.decoder_rate), in_game_ctrl, "--decoder-rate", c.decoder_rate,
                "must be positive");
  require_value(c.batch >= 0 && c.batch <= 1 << 20, in_game_ctrl, "--batch", c.batch,
                "must be from 0 (all samples) to 1048576");
  require_value(c.follower == "adam" || c.follower == "exact", in_game_ctrl, "--follower", c.follower,
                "must be adam or exact");
  s.rule.width = static_cast<std::size_t>(c.width);
  s.rule.eps_squared = c.eps_squared;
  s.rule.encoder_rate = c.encoder_rate;
  s.rule.decoder_rate = c.decoder_rate;
  s.rule.batch = static_cast<std::size_t>(c.batch);
  if (c.follower == "exact") {
    s.rule.follower = games::Follower::exact;
    s.rule.leader = games::LeaderStep::gradient;
  }
  require_value(c.hidden >= 0 && c.hidden <= 4096, in_game_ctrl, "--hidden", c.hidden,
                "must be from 0 (linear maps) to 4096");
  if (c.hidden > 0 && (c.single || c.follower == "exact"))
    throw ValueError(in_game_ctrl, std::string("--hidden cannot stand beside ") +
                                       (c.single ? "--single" : "--follower exact") +
                                       " (which is for linear maps); leave one of them out");
  s.hidden = static_cast<std::size_t>(c.hidden);
  if (!c.data.empty()) {
    refuse(c.of_the_samples, "--data", "which gives the samples");
    s.file = c.data;
  } else {
    bool const chosen = !c.of_the_samples[1]->empty();  // --subspaces
    auto const dimensions = chosen || !c.single ? c.subspaces.dimensions : s.subspaces.dimensions;
    s.subspaces = c.subspaces;
    s.subspaces.dimensions = dimensions;
    require_valid(s.subspaces, in_game_ctrl);
  }
  return s;
}

CtrlTask task_of(GameCtrlCommand const& c) {
  CtrlTask task;
  require_value(c.replicas > 0 && c.replicas <= 100000, in_game_ctrl, "--replicas", c.replicas,
                "must be from 1 to 100000");
  require_value(c.inner_steps >= 0 && c.inner_steps <= 1 << 24, in_game_ctrl, "--inner-steps", c.inner_steps,
                "must be from 0 to 16777216");
  require_value(c.epochs > 0 && c.epochs <= 1000000, in_game_ctrl, "--epochs", c.epochs, "must be from 1 to 1000000");
  require_value(c.seed >= 0, in_game_ctrl, "--seed", c.seed, "must not be negative");
  task.settings = c.figure.empty() ? std::vector{own_setting(c)} : chosen_figures(c);
  task.replicas = static_cast<std::size_t>(c.replicas);
  for (auto& s : task.settings) {
    if (c.figure.empty() || !c.inner_given->empty()) s.rule.inner_steps = static_cast<std::size_t>(c.inner_steps);
    if (c.figure.empty() || !c.epochs_given->empty()) s.epochs = static_cast<std::size_t>(c.epochs);
    s.subspaces.seed = s.rule.seed = static_cast<std::uint64_t>(c.seed);
  }
  return task;
}

/// Before anything is made. Collective.
void require_samples(Context& context, CtrlTask const& task) {
  for (auto const& s : task.settings) {
    if (s.file.empty()) {
      std::size_t samples = 0;
      for (std::size_t j = 0; j < s.subspaces.dimensions.size(); ++j)
        samples += s.subspaces.samples[s.subspaces.samples.size() == 1 ? 0 : j];
      require_value(s.rule.batch <= samples, in_game_ctrl, "--batch", s.rule.batch, "must be at most the samples");
      require_value(s.rule.constraint == games::Constraint::norms || s.subspaces.dimensions.size() == 1, in_game_ctrl,
                    "--subspaces", s.subspaces.dimensions.size(), "must be one for --single");
      continue;
    }
    auto const train = ctrl_samples(context, s, 0).train;
    require_value(s.rule.batch <= train.samples(), in_game_ctrl, "--batch", s.rule.batch,
                  "must be at most the samples for training");
  }
}

Json result_json(Context& context, CtrlTask const& task, CtrlState const& state, std::vector<CtrlResult> const& results,
                 std::string const& path) {
  Json settings = Json::array();
  double inner = 0;
  for (std::size_t i = 0; i < results.size(); ++i) {
    auto const& r = results[i];
    Json j = to_json(task.settings[i]);
    j["steps"] = r.steps;
    j["equilibrium"] = r.equilibrium > 0 ? Json(r.equilibrium) : Json();
    auto const list = [&](char const* name, double CtrlScore::*member) {
      Json all = Json::array();
      for (auto const& s : r.scores) all.push_back(s.*member);
      j[name] = all;
    };
    list("expansion", &CtrlScore::expansion);
    list("inconsistency", &CtrlScore::inconsistency);
    list("largest_cosine", &CtrlScore::largest_cosine);
    list("mean_cosine", &CtrlScore::mean_cosine);
    list("least_distance_ratio", &CtrlScore::least_ratio);
    list("largest_distance_ratio", &CtrlScore::largest_ratio);
    settings.push_back(j);
    inner += static_cast<double>(r.steps * task.replicas * std::max<std::size_t>(1, task.settings[i].rule.inner_steps));
  }
  return {{"path", path},
          {"replicas", task.replicas},
          {"settings", settings},
          {"seconds", state.seconds},
          {"inner_steps_per_second", state.seconds > 0 ? inner / state.seconds : 0},
          {"threads", context.space().concurrency()},
          {"ranks", context.comm().size()}};
}

void show(Context& context, CtrlTask const& task, CtrlState const& state, std::vector<CtrlResult> const& results,
          std::string const& path) {
  context.print("On other samples, mean over " + std::to_string(task.replicas) +
                " replicas: expansion (closed form), inconsistency, largest and mean cosine across classes");
  for (std::size_t i = 0; i < results.size(); ++i) {
    CtrlScore mean;
    double const part = 1 / static_cast<double>(task.replicas);
    for (auto const& s : results[i].scores) {
      mean.expansion += part * s.expansion;
      mean.inconsistency += part * s.inconsistency;
      mean.largest_cosine += part * s.largest_cosine;
      mean.mean_cosine += part * s.mean_cosine;
    }
    char closed[32] = "-", row[200];
    if (results[i].equilibrium > 0) std::snprintf(closed, sizeof closed, "%.4f", results[i].equilibrium);
    std::snprintf(row, sizeof row, "%-12s %.4f (%s)  %.4f  %.3f  %.3f", task.settings[i].name.c_str(), mean.expansion,
                  closed, mean.inconsistency, mean.largest_cosine, mean.mean_cosine);
    context.print(row);
  }
  char line[96];
  std::snprintf(line, sizeof line, "%.3g s on %d threads of %d ranks", state.seconds, context.space().concurrency(),
                context.comm().size());
  context.print(line);
  context.print(path + " and, beside it, a table (.csv) and pictures (.png) of each");
}

void run(Context& context, GameCtrlCommand const& c) {
  CtrlTask task;
  CtrlState state;
  if (c.run.resume) {
    refuse(c.of_the_run, "--resume", "a run keeps its settings");
    refuse(c.of_the_game, "--resume", "a run keeps its settings");
    refuse(c.of_the_samples, "--resume", "a run keeps its settings");
  }
  auto const start = [&] {
    task = task_of(c);
    require_samples(context, task);
  };
  auto const go_on = [&] { read_checkpoint(context, c.run.checkpoint(), task, state); };
  if (!begin(context, c.run, start, go_on)) return;
  play_ctrl(context, task, state, c.run.checkpoint(), c.run.checkpoint_seconds());
  auto const results = measure_ctrl(context, task, state);
  write_ctrl(context, task, results, c.run.output);
  end(context, c.run);
  if (context.json()) return context.print_json(result_json(context, task, state, results, c.run.path()));
  show(context, task, state, results, c.run.path());
}

void add_options(cli::App& app, GameCtrlCommand& c) {
  using Options = std::vector<cli::Option*>;
  auto const add = [&](Options& group, cli::Option* option, char const* text) {
    option->option_text(text);
    group.push_back(option);
    return option;
  };
  add(c.of_the_run,
      app.add_option("--figure", c.figure,
                     "Of the paper: 1, 2, 3 and 4 (of --data), D9, D10, C6, C7, C8, or all: games are its own"),
      "TEXT");
  c.data_given =
      add(c.of_the_run, app.add_option("--data", c.data, "A dataset with labels instead of subspaces"), "D.h5");
  auto& samples = c.of_the_samples;
  add(samples, app.add_option("--dim", c.subspaces.dim, "Numbers of a sample"), "INT [50]");
  add(samples, app.add_option("--subspaces", c.subspaces.dimensions, "Dimension of each class")->delimiter(','),
      "INT,... [3,4,5]");
  add(samples, app.add_option("--samples", c.subspaces.samples, "Samples of each class, or of all")->delimiter(','),
      "INT,... [500]");
  add(samples, app.add_option("--noise", c.subspaces.noise, "Mean square norm of normal noise"), "NUMBER [0]");
  add(samples, app.add_option("--difference", c.subspaces.difference, "Part of its directions a class does not share"),
      "NUMBER [0.1]");
  add(samples, app.add_flag("--orthogonal", c.subspaces.orthogonal, "Subspaces are orthogonal to each other"), "");
  auto& game = c.of_the_game;
  add(game, app.add_flag("--single", c.single, "Single-subspace pursuit: semi-orthogonal maps, no classes"), "");
  add(game, app.add_option("--width", c.width, "Numbers of a code"), "INT [40]");
  add(game,
      app.add_option("--hidden", c.hidden, "Maps are networks of two layers with so many numbers between; 0: linear"),
      "INT [0]");
  add(game, app.add_option("--eps-squared", c.eps_squared, "Squared distortion of the rates"), "NUMBER [1]");
  add(game, app.add_option("--encoder-rate", c.encoder_rate, "Step size of the encoder"), "NUMBER [1e-2]");
  add(game, app.add_option("--decoder-rate", c.decoder_rate, "Step size of the decoder"), "NUMBER [1e-3]");
  add(game, app.add_option("--batch", c.batch, "Samples of a step; 0: all"), "INT [50]");
  add(game, app.add_option("--follower", c.follower, "adam, or exact: the best response, with plain gradient ascent"),
      "TEXT [adam]");
  auto& of_run = c.of_the_run;
  c.inner_given =
      add(of_run, app.add_option("--inner-steps", c.inner_steps, "Steps of the decoder after each of the encoder's"),
          "INT [1000]");
  c.epochs_given =
      add(of_run, app.add_option("--epochs", c.epochs, "How often the samples are gone through"), "INT [2]");
  add(of_run, app.add_option("--replicas", c.replicas, "Replicas, of seeds one after another, played together"),
      "INT [1]");
  add(of_run, app.add_option("--seed", c.seed, "Seed of the first replica"), "INT [1337]");
  add_run_options(app, c.run);
}

}  // namespace

void add_game_ctrl(cli::App& game, Context& context) {
  auto* const app = game.add_subcommand(
      "ctrl", "Closed-loop transcription as a sequential game: an encoder leads, a decoder follows");
  auto const c = std::make_shared<GameCtrlCommand>();
  add_options(*app, *c);
  context.add_json_flag(*app);
  app->footer(
      "The encoder F gains by expanding its codes class by class, the decoder G by codes that its images are coded to\n"
      "again: F spreads the classes orthogonally and whitens each, and F G F = F on them. Replicas are shared out "
      "over\n"
      "threads and ranks, and play the same on any number. Networks' codes lie on the sphere; ranks share their\n"
      "replicas, threads each product.\n"
      "DIR/ctrl.h5, by figure (or /run): expansion, inconsistency [replicas, steps] on the samples of each step; "
      "encoder,\n"
      "decoder, of networks [replicas, numbers] with each layer's weight and then bias; scores [replicas, 6] on other\n"
      "samples (expansion, inconsistency, largest and mean |cosine| across classes,\n"
      "least and largest ratio of distances); of the first replica singular_values and cosine of samples, codes, "
      "decoded,\n"
      "recoded. DIR/NAME.png has curves and singular values, DIR/NAME_cosine.png |cosine| of those four, sample by "
      "sample.\n"
      "Example: krate game ctrl --figure 1 -o figure1\n"
      "         krate game ctrl --subspaces 2,2 --dim 10 --width 8 --replicas 200 -o many\n"
      "         krate game ctrl --figure 4 --data mnist.h5 -o figure4");
  app->callback([&context, c] { run(context, *c); });
}

}  // namespace krate::tools
