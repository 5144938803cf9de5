// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "krate/core/label.hpp"
#include "krate/io/hdf5.hpp"
#include "krate/train/network_pursuit.hpp"
#include "tools/ctrl.hpp"

namespace krate::tools {

namespace {

constexpr char const* ctrl_format = "krate-ctrl-checkpoint";

std::size_t generated(SubspaceOptions const& o) {
  std::size_t sum = 0;
  for (std::size_t j = 0; j < o.dimensions.size(); ++j) sum += o.samples[o.samples.size() == 1 ? 0 : j];
  return sum;
}

/// Settings that are played together, in one launch: those with as many steps, seed by seed. A dataset stands alone.
struct Group {
  std::size_t first, count = 1, replicas;
  Group(CtrlTask const& task, std::size_t first) : first(first), replicas(task.replicas) {
    auto const& s = task.settings;
    auto const steps = [&](std::size_t i) { return ctrl_steps(s[i], generated(s[i].subspaces)); };
    while (s[first].file.empty() && first + count < s.size() && s[first + count].file.empty() &&
           steps(first + count) == steps(first))
      ++count;
  }
  std::size_t games() const { return count * replicas; }
  std::size_t setting_of(std::size_t game) const { return first + game / replicas; }
};

/// Where the numbers of each game begin, and their end.
std::vector<std::size_t> places(CtrlTask const& task, Group const& group, std::size_t dim, std::size_t steps) {
  std::vector<std::size_t> found{0};
  for (std::size_t g = 0; g < group.games(); ++g) {
    auto const& s = task.settings[group.setting_of(g)];
    found.push_back(found.back() + ctrl_numbers(s, s.file.empty() ? s.subspaces.dim : dim, steps));
  }
  return found;
}

/// A rank's games of a group.
class Round {
 public:
  Round(Context& context, CtrlTask const& task, Group const& group, comm::Share const& share) : context_(context) {
    auto const& leading = task.settings[group.first];
    std::vector<games::PursuitGame> games;
    if (!leading.file.empty()) data_.push_back(ctrl_samples(context, leading, 0).train);
    for (std::size_t g = share.begin; g < share.begin + share.count; ++g) {
      auto const& setting = task.settings[group.setting_of(g)];
      std::size_t const replica = g % group.replicas;
      if (setting.file.empty()) data_.push_back(ctrl_samples(context, setting, replica).train);
      games.push_back({data_.size() - 1, setting.rule});
      games.back().rule.seed += replica;
    }
    bool const is_file = !leading.file.empty();
    steps_ = ctrl_steps(leading, is_file ? data_[0].samples() : generated(leading.subspaces));
    places_ = places(task, group, is_file ? data_[0].dim : 0, steps_);
    if (leading.hidden > 0) {
      for (auto const& g : games)
        networks_.emplace_back(context.space(), data_[g.data], g.rule, leading.hidden, steps_);
    } else if (!games.empty()) {
      pursuit_ = std::make_unique<games::Pursuit<Space>>(context.space(), data_, games, steps_);
      data_.clear();
      data_.shrink_to_fit();
    }
  }
  std::size_t steps() const { return steps_; }
  std::vector<std::size_t> const& all_places() const { return places_; }

  /// @return seconds
  double play(std::size_t steps) {
    Kokkos::Timer const clock;
    if (pursuit_) pursuit_->run(context_.space(), steps);
    for (auto& game : networks_) game.run(context_.space(), steps);
    context_.space().fence(KRATE_LABEL("krate::tools::ctrl: steps are played"));
    return clock.seconds();
  }
  std::vector<double> save() const {
    std::vector<double> all;
    auto const append = [&](std::vector<double> const& one) { all.insert(all.end(), one.begin(), one.end()); };
    for (std::size_t g = 0; pursuit_ && g < pursuit_->games(); ++g) append(pursuit_->save(context_.space(), g));
    for (auto const& game : networks_) append(game.save(context_.space()));
    return all;
  }
  void restore(std::size_t step, std::vector<double> const& numbers) {
    std::size_t at = 0;
    for (std::size_t g = 0; pursuit_ && g < pursuit_->games(); at += pursuit_->game_size(g), ++g)
      pursuit_->restore(context_.space(), step, g, std::span(numbers).subspan(at, pursuit_->game_size(g)));
    for (std::size_t g = 0; g < networks_.size(); ++g) {
      std::size_t const size = numbers.size() / networks_.size();
      networks_[g].restore(context_.space(), step, std::span(numbers).subspan(g * size, size));
    }
  }

 private:
  Context& context_;
  std::vector<games::PursuitData> data_;                ///< which games of networks read on and on
  std::unique_ptr<games::Pursuit<Space>> pursuit_;      ///< of linear maps, or
  std::vector<train::NetworkPursuit<Space>> networks_;  ///< of networks, which all have one size
  std::size_t steps_ = 0;
  std::vector<std::size_t> places_;
};

/// All ranks' numbers, game by game.
std::vector<double> gathered(comm::Communicator const& comm, std::vector<double> const& mine, std::size_t games,
                             std::vector<std::size_t> const& places) {
  std::vector<std::size_t> bytes;
  for (int rank = 0; rank < comm.size(); ++rank) {
    auto const share = comm::share_of(games, rank, comm.size());
    bytes.push_back((places[share.begin + share.count] - places[share.begin]) * sizeof(double));
  }
  std::vector<double> all(places.back());
  comm.all_gather(std::as_bytes(std::span(mine)), std::as_writable_bytes(std::span(all)), bytes);
  return all;
}

}  // namespace

void play_ctrl(Context& context, CtrlTask const& task, CtrlState& state, std::string const& checkpoint,
               double checkpoint_seconds) {
  auto const& comm = context.comm();
  Kokkos::Timer clock;
  auto progress = context.progress("parts", 1000 * task.settings.size());
  auto const keep = [&] {
    bool due = clock.seconds() >= checkpoint_seconds;
    comm.broadcast(due);
    if (!due) return;
    write_checkpoint(context, task, state, checkpoint);
    clock.reset();
  };
  while (state.finished.size() < task.settings.size()) {
    Group const group(task, state.finished.size());
    auto const share = comm::share_of(group.games(), comm.rank(), comm.size());
    std::unique_ptr<Round> round;
    comm.guarded([&] {
      round = std::make_unique<Round>(context, task, group, share);
      if (state.step > 0) round->restore(state.step, state.playing);
    });
    std::size_t inner = 0;
    for (std::size_t i = group.first; i < group.first + group.count; ++i)
      if (task.settings[i].rule.follower == games::Follower::adam)
        inner = std::max(inner, task.settings[i].rule.inner_steps);
    std::size_t const at_once = std::max<std::size_t>(1, 1000 / (10 + inner));
    while (state.step < round->steps()) {
      std::size_t const steps = std::min(at_once, round->steps() - state.step);
      double seconds = 0;
      comm.guarded([&] { seconds = round->play(steps); });
      state.seconds += comm.all_reduce(seconds, comm::Reduction::max);
      state.step += steps;
      progress.update(1000 * group.first + 1000 * group.count * state.step / round->steps());
      if (state.step == round->steps()) break;
      comm.guarded([&] { state.playing = round->save(); });
      keep();
    }
    std::vector<double> mine;
    comm.guarded([&] { mine = round->save(); });
    auto const& places = round->all_places();
    auto const all = gathered(comm, mine, group.games(), places);
    for (std::size_t k = 0; k < group.count; ++k) {
      auto const at = [&](std::size_t games) { return all.begin() + static_cast<std::ptrdiff_t>(places[games]); };
      state.finished.emplace_back(at(k * group.replicas), at((k + 1) * group.replicas));
    }
    state.step = 0;
    state.playing.clear();
    keep();
  }
}

void write_checkpoint(Context& context, CtrlTask const& task, CtrlState const& state, std::string const& path) {
  auto const& comm = context.comm();
  auto file = io::File::create(path, comm);
  file.set_attribute("/", "format", std::string(ctrl_format));
  file.set_attribute("/", "task", to_json(task).dump());
  file.set_attribute("/", "step", static_cast<std::int64_t>(state.step));
  file.set_attribute("/", "seconds", state.seconds);
  for (std::size_t i = 0; i < state.finished.size(); ++i)
    file.write_replicated<double>("/finished/" + task.settings[i].name, {state.finished[i].size()}, state.finished[i]);
  if (state.step > 0) {
    auto const mine = static_cast<std::int64_t>(state.playing.size());
    std::int64_t begin = 0, all = 0;
    for (int rank = 0; rank < comm.size(); ++rank) {
      auto const count = comm.all_reduce(rank == comm.rank() ? mine : std::int64_t(0), comm::Reduction::max);
      if (rank < comm.rank()) begin += count;
      all += count;
    }
    file.write<double>("/playing", {static_cast<std::size_t>(all)}, static_cast<std::size_t>(begin),
                       state.playing.size(), state.playing);
  }
  file.commit();
}

void read_checkpoint(Context& context, std::string const& path, CtrlTask& task, CtrlState& state) {
  auto const& comm = context.comm();
  auto const file = io::File::open(path, comm);
  auto const about = file.attributes("/");
  if (about.get<std::string>("format", "") != ctrl_format)
    throw IoError("krate::game", path + " is no checkpoint of krate game ctrl; name the directory of such a run");
  task = ctrl_task(Json::parse(about.get<std::string>("task")));
  state.step = static_cast<std::size_t>(about.get<std::int64_t>("step"));
  state.seconds = about.get<double>("seconds");
  for (auto const& setting : task.settings) {
    if (!file.exists("/finished/" + setting.name)) break;
    state.finished.push_back(file.read_all<double>("/finished/" + setting.name));
  }
  if (state.step == 0) return;
  Group const group(task, state.finished.size());
  auto const share = comm::share_of(group.games(), comm.rank(), comm.size());
  std::size_t const total = file.info("/playing").size();
  std::vector<std::size_t> at{0};  // games of a dataset are all of one size
  if (task.settings[group.first].file.empty()) {
    at =
        places(task, group, 0, ctrl_steps(task.settings[group.first], generated(task.settings[group.first].subspaces)));
  } else {
    for (std::size_t g = 1; g <= group.games(); ++g) at.push_back(total / group.games() * g);
  }
  if (at.back() != total)
    throw IoError("krate::game", path + ": /playing has " + std::to_string(total) + " numbers, expected " +
                                     std::to_string(at.back()) + " (the file is damaged); start anew");
  state.playing.resize(at[share.begin + share.count] - at[share.begin]);
  file.read<double>("/playing", at[share.begin], state.playing.size(), state.playing);
}

}  // namespace krate::tools
