// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "krate/core/label.hpp"
#include "krate/io/hdf5.hpp"
#include "tools/ctrl.hpp"

namespace krate::tools {

namespace {

constexpr char const* format = "krate-ctrl-checkpoint";

std::vector<double> gathered(comm::Communicator const& comm, std::vector<double> const& mine, std::size_t games,
                             std::size_t each) {
  std::vector<std::size_t> bytes;
  for (int rank = 0; rank < comm.size(); ++rank)
    bytes.push_back(comm::share_of(games, rank, comm.size()).count * each * sizeof(double));
  std::vector<double> all(games * each);
  comm.all_gather(std::as_bytes(std::span(mine)), std::as_writable_bytes(std::span(all)), bytes);
  return all;
}

/// A rank's replicas of one setting.
class Round {
 public:
  Round(Context& context, CtrlSetting const& setting, comm::Share const& share) : context_(context) {
    std::vector<games::PursuitData> data;
    std::vector<games::PursuitGame> games;
    if (!setting.file.empty()) data.push_back(ctrl_samples(context, setting, 0).train);
    for (std::size_t r = share.begin; r < share.begin + share.count; ++r) {
      if (setting.file.empty()) data.push_back(ctrl_samples(context, setting, r).train);
      games.push_back({data.size() - 1, setting.rule});
      games.back().rule.seed += r;
    }
    std::size_t samples = 0;
    if (!data.empty()) samples = data[0].samples(), dim_ = data[0].dim;
    if (data.empty()) {
      auto const one = ctrl_samples(context, setting, 0).train;
      samples = one.samples(), dim_ = one.dim;
    }
    steps_ = ctrl_steps(setting, samples);
    each_ = ctrl_numbers(setting, dim_, steps_);
    if (!games.empty()) pursuit_ = std::make_unique<games::Pursuit<Space>>(context.space(), data, games, steps_);
  }
  std::size_t steps() const { return steps_; }
  std::size_t each() const { return each_; }

  /// @return seconds
  double play(std::size_t steps) {
    if (!pursuit_) return 0;
    Kokkos::Timer const clock;
    pursuit_->run(context_.space(), steps);
    context_.space().fence(KRATE_LABEL("krate::tools::ctrl: steps are played"));
    return clock.seconds();
  }
  std::vector<double> save() const {
    std::vector<double> all;
    for (std::size_t g = 0; pursuit_ && g < pursuit_->games(); ++g) {
      auto const one = pursuit_->save(context_.space(), g);
      all.insert(all.end(), one.begin(), one.end());
    }
    return all;
  }
  void restore(std::size_t step, std::vector<double> const& numbers) {
    for (std::size_t g = 0; pursuit_ && g < pursuit_->games(); ++g)
      pursuit_->restore(context_.space(), step, g, std::span(numbers).subspan(g * each_, each_));
  }

 private:
  Context& context_;
  std::unique_ptr<games::Pursuit<Space>> pursuit_;
  std::size_t steps_ = 0, dim_ = 0, each_ = 0;
};

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
    auto const& setting = task.settings[state.finished.size()];
    auto const share = comm::share_of(task.replicas, comm.rank(), comm.size());
    std::unique_ptr<Round> round;
    comm.guarded([&] {
      round = std::make_unique<Round>(context, setting, share);
      if (state.step > 0) round->restore(state.step, state.playing);
    });
    bool const follows = setting.rule.follower == games::Follower::adam;
    std::size_t const at_once = std::max<std::size_t>(1, 1000 / (10 + (follows ? setting.rule.inner_steps : 0)));
    while (state.step < round->steps()) {
      std::size_t const steps = std::min(at_once, round->steps() - state.step);
      double seconds = 0;
      comm.guarded([&] { seconds = round->play(steps); });
      state.seconds += comm.all_reduce(seconds, comm::Reduction::max);
      state.step += steps;
      progress.update(1000 * state.finished.size() + 1000 * state.step / round->steps());
      if (state.step == round->steps()) break;
      comm.guarded([&] { state.playing = round->save(); });
      keep();
    }
    std::vector<double> mine;
    comm.guarded([&] { mine = round->save(); });
    state.finished.push_back(gathered(comm, mine, task.replicas, round->each()));
    state.step = 0;
    state.playing.clear();
    keep();
  }
}

void write_checkpoint(Context& context, CtrlTask const& task, CtrlState const& state, std::string const& path) {
  auto const& comm = context.comm();
  auto file = io::File::create(path, comm);
  file.set_attribute("/", "format", std::string(format));
  file.set_attribute("/", "task", to_json(task).dump());
  file.set_attribute("/", "step", static_cast<std::int64_t>(state.step));
  file.set_attribute("/", "seconds", state.seconds);
  for (std::size_t i = 0; i < state.finished.size(); ++i)
    file.write_replicated<double>("/finished/" + task.settings[i].name, {state.finished[i].size()}, state.finished[i]);
  if (state.step > 0) {
    auto const share = comm::share_of(task.replicas, comm.rank(), comm.size());
    auto const mine = static_cast<std::int64_t>(share.count > 0 ? state.playing.size() / share.count : 0);
    auto const each = static_cast<std::size_t>(comm.all_reduce(mine, comm::Reduction::max));
    file.write<double>("/playing", {task.replicas, each}, share.begin, share.count, state.playing);
  }
  file.commit();
}

void read_checkpoint(Context& context, std::string const& path, CtrlTask& task, CtrlState& state) {
  auto const& comm = context.comm();
  auto const file = io::File::open(path, comm);
  auto const about = file.attributes("/");
  if (about.get<std::string>("format", "") != format)
    throw IoError("krate::game", path + " is no checkpoint of krate game ctrl; name the directory of such a run");
  task = ctrl_task(Json::parse(about.get<std::string>("task")));
  state.step = static_cast<std::size_t>(about.get<std::int64_t>("step"));
  state.seconds = about.get<double>("seconds");
  for (auto const& setting : task.settings) {
    if (!file.exists("/finished/" + setting.name)) break;
    state.finished.push_back(file.read_all<double>("/finished/" + setting.name));
  }
  if (state.step == 0) return;
  auto const share = comm::share_of(task.replicas, comm.rank(), comm.size());
  state.playing.resize(share.count * file.info("/playing").row_size());
  file.read<double>("/playing", share.begin, share.count, state.playing);
}

}  // namespace krate::tools
