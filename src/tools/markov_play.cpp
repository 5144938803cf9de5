// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <cmath>

#include "tools/markov_round.hpp"

namespace krate::tools {

namespace {

constexpr std::size_t most_records = std::size_t(1) << 24;  // of a rank's records at a time
constexpr std::int64_t slice = 1 << 22;                     // stages of all replicas between two words of progress

/// All ranks' numbers, in the order of the replicas.
std::vector<double> gathered(comm::Communicator const& comm, std::vector<double> const& mine, std::size_t replicas,
                             std::size_t each) {
  std::vector<std::size_t> bytes;
  for (int rank = 0; rank < comm.size(); ++rank)
    bytes.push_back(comm::share_of(replicas, rank, comm.size()).count * each * sizeof(double));
  std::vector<double> all(replicas * each);
  comm.all_gather(std::as_bytes(std::span(mine)), std::as_writable_bytes(std::span(all)), bytes);
  return all;
}

/// A replica's results, as Round::results() has them.
void add_replica(MarkovResult& result, double const* block, std::size_t records, std::size_t players,
                 std::size_t size) {
  std::size_t const curve = records * players;
  ++result.replicas;
  for (std::size_t k = 0; k < 3; ++k)
    result.distances[k].add(block + k * curve, curve, static_cast<double>(result.replicas));
  double const* const nash = block + 2 * curve;
  for (std::size_t k = 0; k < records; ++k) {
    double sum = 0;
    for (std::size_t i = 0; i < players; ++i) sum += nash[k * players + i];
    result.by_replica.push_back(sum / static_cast<double>(players));
  }
  result.final_nash.insert(result.final_nash.end(), nash + curve - players, nash + curve);
  result.final_policy.insert(result.final_policy.end(), block + 3 * curve, block + 3 * curve + size);
  result.final_q.insert(result.final_q.end(), block + 3 * curve + size, block + 3 * curve + 2 * size);
}

/// When the state goes to a file, and where.
class Checkpoints {
 public:
  Checkpoints(Context& context, std::string path, double seconds)
      : context_(context), path_(std::move(path)), seconds_(seconds) {}
  /// Collective: rank 0 has the watch.
  bool due() {
    bool is_due = !path_.empty() && clock_.seconds() >= seconds_;
    context_.comm().broadcast(is_due);
    return is_due;
  }
  void write(MarkovTask const& task, MarkovState const& state) {
    write_checkpoint(context_, task, state, path_);
    clock_.reset();
  }

 private:
  Context& context_;
  std::string path_;
  double seconds_;
  Kokkos::Timer clock_;
};

/// Plays the next replicas to their end, or on to it: of all settings that follow each other in the same game.
void play_round(Context& context, MarkovTask const& task, MarkovState& state, Progress& progress,
                Checkpoints& checkpoints) {
  auto const& comm = context.comm();
  std::size_t const first = state.done(), now = first / task.replicas;
  auto const& setting = task.settings[now];
  std::size_t const records = task.kept().size(), players = setting.game.players, size = setting.size(),
                    each = 3 * records * players + 2 * size;
  bool const goes_on = state.playing > 0;
  if (!goes_on) {
    std::size_t end = now;
    while (end < task.settings.size() && task.settings[end].game == setting.game) ++end;
    std::size_t const at_once = std::max<std::size_t>(1, most_records / (2 * records * size));
    state.playing = std::min(at_once * static_cast<std::size_t>(comm.size()), end * task.replicas - first);
    state.stage = 0;
  }
  auto const share = comm::share_of(state.playing, comm.rank(), comm.size());
  std::unique_ptr<MarkovRound> round;
  comm.guarded([&] {
    round = std::make_unique<MarkovRound>(context.space(), task, first + share.begin, share.count);
    if (goes_on) round->restore(state);
  });
  auto const step = std::max<std::int64_t>(
      1, slice / static_cast<std::int64_t>((state.playing + comm.size() - 1) / static_cast<std::size_t>(comm.size())));
  do {
    std::int64_t const stages = std::min(step, task.stages - state.stage);
    double seconds = 0;
    comm.guarded([&] { seconds = round->play(stages); });
    state.seconds += comm.all_reduce(seconds, comm::Reduction::max);
    state.stage += stages;
    progress.update(first * static_cast<std::size_t>(task.stages) +
                    state.playing * static_cast<std::size_t>(state.stage));
    if (state.stage == task.stages || !checkpoints.due()) continue;
    comm.guarded([&] { round->save(state); });
    checkpoints.write(task, state);
  } while (state.stage < task.stages);
  std::vector<double> mine;
  comm.guarded([&] { mine = round->results(); });
  auto const all = gathered(comm, mine, state.playing, each);
  for (std::size_t r = 0; r < state.playing; ++r) {
    if (state.results.size() <= (first + r) / task.replicas) state.results.emplace_back();
    add_replica(state.results.back(), all.data() + r * each, records, players, size);
    state.results.back().seconds += state.seconds / static_cast<double>(state.playing);
  }
  state.playing = 0;
  state.seconds = 0;
}

}  // namespace

void MarkovCurve::add(double const* values, std::size_t size, double replicas_with_it) {
  mean.resize(size, 0);
  square.resize(size, 0);
  for (std::size_t k = 0; k < size; ++k) {
    double const before = values[k] - mean[k];
    mean[k] += before / replicas_with_it;
    square[k] += before * (values[k] - mean[k]);
  }
}

std::vector<double> MarkovCurve::deviation(std::size_t replicas) const {
  std::vector<double> found = square;
  for (double& x : found) x = replicas > 1 ? std::sqrt(x / static_cast<double>(replicas - 1)) : 0;
  return found;
}

std::size_t MarkovTask::of_one_game(std::size_t setting) const {
  auto const other = [&](MarkovSetting const& s) { return s.game != settings[setting].game; };
  auto const here = settings.begin() + static_cast<std::ptrdiff_t>(setting);
  auto const begin = std::find_if(std::reverse_iterator(here), settings.rend(), other).base();
  return static_cast<std::size_t>(std::find_if(here, settings.end(), other) - begin);
}

std::size_t MarkovState::done() const {
  std::size_t sum = 0;
  for (auto const& r : results) sum += r.replicas;
  return sum;
}

std::vector<std::int64_t> MarkovTask::kept() const {
  std::vector<std::int64_t> found;
  for (std::size_t k = 0; k <= records; ++k) {
    double const part = static_cast<double>(k) / static_cast<double>(records);
    auto const at = static_cast<std::int64_t>(part * static_cast<double>(stages) + 0.5);
    if (found.empty() || at > found.back()) found.push_back(at);
  }
  return found;
}

std::vector<std::int64_t> MarkovResult::reached(MarkovTask const& task, double bound) const {
  auto const kept = task.kept();
  std::vector<std::int64_t> found;
  for (std::size_t r = 0; r < replicas; ++r) {
    std::int64_t first = -1;
    for (std::size_t k = kept.size(); k-- > 0 && by_replica[r * kept.size() + k] <= bound;) first = kept[k];
    found.push_back(first);
  }
  return found;
}

void play_markov(Context& context, MarkovTask const& task, MarkovState& state, std::string const& checkpoint,
                 double seconds) {
  auto progress =
      context.progress("stages", task.settings.size() * task.replicas * static_cast<std::size_t>(task.stages));
  Checkpoints checkpoints(context, checkpoint, seconds);
  while (state.done() < task.settings.size() * task.replicas) {
    play_round(context, task, state, progress, checkpoints);
    if (checkpoints.due()) checkpoints.write(task, state);
  }
}

}  // namespace krate::tools
