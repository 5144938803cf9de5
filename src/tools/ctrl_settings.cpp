// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <nlohmann/json.hpp>

#include "krate/core/error.hpp"
#include "krate/io/dataset.hpp"
#include "krate/train/network_pursuit.hpp"
#include "tools/ctrl.hpp"

namespace krate::tools {

namespace {

games::PursuitData subset(io::SampleTable const& table, io::Subset which) {
  auto const& about = table.description();
  games::PursuitData found{.dim = about.sample_size(), .classes = static_cast<std::size_t>(about.classes)};
  auto rows = about.indices(which);
  // Classes one after another: pictures then have blocks.
  std::stable_sort(rows.begin(), rows.end(), [&](auto a, auto b) { return table.label(a) < table.label(b); });
  found.rows.resize(rows.size() * found.dim);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    table.get(rows[i], found.rows.data() + i * found.dim);
    found.labels.push_back(table.label(rows[i]));
  }
  return found;
}

}  // namespace

CtrlSamples ctrl_samples(Context& context, CtrlSetting const& s, std::size_t replica) {
  if (s.file.empty()) {
    auto options = s.subspaces;
    options.seed += replica;
    return {subspace_samples(options, 0), subspace_samples(options, 1)};
  }
  auto const table = io::Dataset::open(s.file, context.comm(), {.as_features = true}).load();
  auto const& about = table.description();
  if (!about.has_labels || !about.label_shape.empty() || about.kind == io::SampleKind::tokens)
    throw IoError("krate::game", s.file + " has no label for each sample (games are about classes); give such a file");
  auto const train = subset(table, io::Subset::train);
  if (train.samples() == 0)
    throw IoError("krate::game", s.file + " has no samples for training (all have split 1); give another file");
  return {train,
          about.has_split() && !about.indices(io::Subset::test).empty() ? subset(table, io::Subset::test) : train};
}

std::size_t ctrl_steps(CtrlSetting const& s, std::size_t samples) {
  return s.epochs * (s.rule.batch == 0 ? 1 : (samples + s.rule.batch - 1) / s.rule.batch);
}

std::size_t ctrl_numbers(CtrlSetting const& s, std::size_t dim, std::size_t steps) {
  if (s.hidden > 0) return train::NetworkPursuit<Space>::game_size(dim, s.hidden, s.rule.width, steps);
  return 6 * s.rule.width * dim + 2 * steps;
}

Json to_json(CtrlSetting const& s) {
  Json j{{"name", s.name},
         {"constraint", s.rule.constraint == games::Constraint::norms ? "multiple" : "single"},
         {"follower", s.rule.follower == games::Follower::adam ? "adam" : "exact"},
         {"leader", s.rule.leader == games::LeaderStep::adam ? "adam" : "gradient"},
         {"width", s.rule.width},
         {"eps_squared", s.rule.eps_squared},
         {"encoder_rate", s.rule.encoder_rate},
         {"decoder_rate", s.rule.decoder_rate},
         {"inner_steps", s.rule.inner_steps},
         {"batch", s.rule.batch},
         {"shuffled", s.rule.shuffled},
         {"epochs", s.epochs},
         {"seed", s.rule.seed}};
  if (s.hidden > 0) j["hidden"] = s.hidden;
  if (!s.file.empty()) {
    j["data"] = s.file;
    return j;
  }
  j["dim"] = s.subspaces.dim;
  j["subspaces"] = s.subspaces.dimensions;
  j["samples"] = s.subspaces.samples;
  j["noise"] = s.subspaces.noise;
  j["difference"] = s.subspaces.difference;
  j["orthogonal"] = s.subspaces.orthogonal;
  return j;
}

Json to_json(CtrlTask const& task) {
  Json settings = Json::array();
  for (auto const& s : task.settings) settings.push_back(to_json(s));
  return {{"replicas", task.replicas}, {"settings", settings}};
}

CtrlTask ctrl_task(Json const& json) {
  CtrlTask task{.replicas = json.at("replicas").get<std::size_t>()};
  for (auto const& j : json.at("settings")) {
    CtrlSetting s;
    s.name = j.at("name").get<std::string>();
    s.rule.constraint = j.at("constraint") == "multiple" ? games::Constraint::norms : games::Constraint::orthogonal;
    s.rule.follower = j.at("follower") == "adam" ? games::Follower::adam : games::Follower::exact;
    s.rule.leader = j.at("leader") == "adam" ? games::LeaderStep::adam : games::LeaderStep::gradient;
    s.rule.width = j.at("width").get<std::size_t>();
    s.rule.eps_squared = j.at("eps_squared").get<double>();
    s.rule.encoder_rate = j.at("encoder_rate").get<double>();
    s.rule.decoder_rate = j.at("decoder_rate").get<double>();
    s.rule.inner_steps = j.at("inner_steps").get<std::size_t>();
    s.rule.batch = j.at("batch").get<std::size_t>();
    s.rule.shuffled = j.at("shuffled").get<bool>();
    s.epochs = j.at("epochs").get<std::size_t>();
    s.subspaces.seed = s.rule.seed = j.at("seed").get<std::uint64_t>();
    s.hidden = j.value("hidden", std::size_t(0));
    if (j.contains("data")) {
      s.file = j.at("data").get<std::string>();
    } else {
      s.subspaces.dim = j.at("dim").get<std::size_t>();
      s.subspaces.dimensions = j.at("subspaces").get<std::vector<std::size_t>>();
      s.subspaces.samples = j.at("samples").get<std::vector<std::size_t>>();
      s.subspaces.noise = j.at("noise").get<double>();
      s.subspaces.difference = j.at("difference").get<double>();
      s.subspaces.orthogonal = j.at("orthogonal").get<bool>();
    }
    task.settings.push_back(std::move(s));
  }
  return task;
}

}  // namespace krate::tools
