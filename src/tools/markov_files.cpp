// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "krate/io/hdf5.hpp"
#include "tools/files.hpp"
#include "tools/markov.hpp"
#include "tools/plot.hpp"
#include "tools/png.hpp"

namespace krate::tools {

namespace {

struct Quantity {
  char const *name, *title;
};
constexpr Quantity quantities[] = {{"policy_distance", "policies: distance to the end"},
                                   {"q_distance", "values q: distance to the end"},
                                   {"nash_distance", "Nash distance"}};

void write_hdf5(Context& context, MarkovTask const& task, std::vector<MarkovResult> const& results,
                std::string const& path) {
  auto file = io::File::create(path, context.comm());
  auto const kept = task.kept();
  file.write_replicated<std::int64_t>("/stages", {kept.size()}, kept);
  file.set_attribute("/", "random", std::string(task.random == games::RandomStream::counter ? "counter" : "mersenne"));
  for (std::size_t i = 0; i < results.size(); ++i) {
    auto const& s = task.settings[i];
    auto const& r = results[i];
    std::string const group = "/" + s.name;
    std::vector<std::size_t> const curves{kept.size(), s.game.players},
        policies{task.replicas, s.game.players, s.game.states(), s.game.routes()};
    for (std::size_t d = 0; d < 3; ++d) {
      std::string const quantity = group + "/" + quantities[d].name;
      file.write_replicated<double>(quantity + "/mean", curves, r.distances[d].mean);
      file.write_replicated<double>(quantity + "/deviation", curves, r.distances[d].deviation(r.replicas));
    }
    file.write_replicated<double>(group + "/replicas/nash_distance", {task.replicas, kept.size()}, r.by_replica);
    file.write_replicated<double>(group + "/final/nash_distance", {task.replicas, s.game.players}, r.final_nash);
    file.write_replicated<double>(group + "/final/policy", policies, r.final_policy);
    file.write_replicated<double>(group + "/final/q", policies, r.final_q);
    Configuration about;
    Json const described = to_json(s);
    for (auto const& [key, value] : described.items()) {
      if (value.is_string()) about.set(key, Attribute(value.get<std::string>()));
      if (value.is_number_integer()) about.set(key, value.get<std::int64_t>());
      if (value.is_number_float()) about.set(key, value.get<double>());
    }
    file.set_attributes(group, about);
  }
  file.commit();
}

std::string csv(MarkovTask const& task, std::size_t players, MarkovResult const& r) {
  auto const kept = task.kept();
  std::string text = "stage,player";
  std::vector<double> deviations[3];
  for (std::size_t d = 0; d < 3; ++d) {
    text += std::string(",") + quantities[d].name + "," + quantities[d].name + "_deviation";
    deviations[d] = r.distances[d].deviation(r.replicas);
  }
  text += "\n";
  for (std::size_t k = 0; k < kept.size(); ++k)
    for (std::size_t i = 0; i < players; ++i) {
      text += std::to_string(kept[k]) + "," + std::to_string(i + 1);
      for (std::size_t d = 0; d < 3; ++d) {
        char pair[64];
        std::snprintf(pair, sizeof pair, ",%.10g,%.10g", r.distances[d].mean[k * players + i],
                      deviations[d][k * players + i]);
        text += pair;
      }
      text += "\n";
    }
  return text;
}

/// The three distances side by side; of many players the first eight.
Image picture(MarkovTask const& task, std::size_t players, MarkovResult const& r) {
  auto const kept = task.kept();
  std::vector<Image> panels;
  for (std::size_t d = 0; d < 3; ++d) {
    auto const deviation = r.distances[d].deviation(r.replicas);
    std::vector<Series> series;
    for (std::size_t i = 0; i < std::min<std::size_t>(players, 8); ++i) {
      Series s{.name = "player " + std::to_string(i + 1)};
      for (std::size_t k = 0; k < kept.size(); ++k) {
        s.x.push_back(static_cast<double>(kept[k]));
        s.y.push_back(r.distances[d].mean[k * players + i]);
        s.spread.push_back(deviation[k * players + i]);
      }
      series.push_back(std::move(s));
    }
    panels.push_back(line_picture(
        series, {.title = quantities[d].title, .x_label = "stage", .width = 480, .height = 340, .log_x = true}));
  }
  return tiled(panels, panels.size(), 0);
}

}  // namespace

void write_markov(Context& context, MarkovTask const& task, std::vector<MarkovResult> const& results,
                  std::string const& directory) {
  write_hdf5(context, task, results, directory + "/markov.h5");
  context.comm().guarded([&] {
    if (!context.comm().is_root()) return;
    for (std::size_t i = 0; i < results.size(); ++i) {
      auto const& s = task.settings[i];
      write_file(directory + "/" + s.name + ".csv", csv(task, s.game.players, results[i]));
      write_png(directory + "/" + s.name + ".png", picture(task, s.game.players, results[i]));
    }
  });
}

}  // namespace krate::tools
