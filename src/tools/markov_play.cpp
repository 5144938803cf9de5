// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <cmath>

#include "krate/core/label.hpp"
#include "krate/games/ensemble.hpp"
#include "tools/markov.hpp"

namespace krate::tools {

namespace {

constexpr std::size_t most_numbers = std::size_t(1) << 24;  // of a rank's records at a time
constexpr std::int64_t slice = 1 << 22;                     // stages of all replicas between two words of progress

void append(std::vector<double>& to, std::vector<double> const& from, std::size_t begin, std::size_t count) {
  auto const first = from.begin() + static_cast<std::ptrdiff_t>(begin);
  to.insert(to.end(), first, first + static_cast<std::ptrdiff_t>(count));
}

/// A rank's replicas of one setting that play together.
class Round {
 public:
  Round(Space const& space, MarkovTask const& task, MarkovSetting const& setting, std::size_t first, std::size_t count)
      : space_(space), kept_(task.kept()), count_(count), size_(setting.size()), players_(setting.game.players) {
    if (count == 0) return;
    std::vector<games::LearningRule> rules(count, setting.rule);
    for (std::size_t r = 0; r < count; ++r) rules[r].seed += first + r;
    ensemble_ = std::make_unique<games::Ensemble<Space>>(space_, setting.game, rules, task.random);
    auto const take = [&](Workspace<Space>& work) { cut(work); };
    arena_ = Arena<Space>(space_, krate::measure<Space>(take), "krate::tools::markov");
    auto work = arena_.workspace();
    take(work);
    to_space(kept_.data(), stages_);
    records_.stages = stages_;
  }

  /// @return seconds
  double play(std::int64_t stages) {
    if (count_ == 0) return 0;
    Kokkos::Timer const clock;
    ensemble_->run(space_, stages, records_);
    space_.fence(KRATE_LABEL("krate::tools::markov: stages are played"));
    return clock.seconds();
  }

  void save(MarkovState& state) const {
    if (count_ == 0) return state.replicas.clear(), state.policy.clear(), state.q.clear();
    state.replicas = ensemble_->save(space_);
    state.policy = by_replica(records_.policy);
    state.q = by_replica(records_.q);
  }
  void restore(MarkovState const& state) {
    if (count_ == 0) return;
    ensemble_->restore(space_, state.stage, state.replicas);
    from_replicas(state.policy, records_.policy);
    from_replicas(state.q, records_.q);
  }

  /// [replica] of 3 [records, players] distances, last policies, last values.
  std::vector<double> results() {
    std::vector<double> all;
    if (count_ == 0) return all;
    ensemble_->measure(space_, records_, rest_, {distances_[0], distances_[1], distances_[2]});
    std::vector<std::vector<double>> parts;
    for (auto const& d : distances_) parts.push_back(by_replica(d));
    auto const policy = by_replica(records_.policy), q = by_replica(records_.q);
    std::size_t const curve = kept_.size() * players_, last = (kept_.size() - 1) * size_, row = kept_.size() * size_;
    for (std::size_t r = 0; r < count_; ++r) {
      for (auto const& part : parts) append(all, part, r * curve, curve);
      append(all, policy, r * row + last, size_);
      append(all, q, r * row + last, size_);
    }
    return all;
  }

 private:
  void cut(Workspace<Space>& work) {
    std::size_t const records = kept_.size();
    stages_ = work.template take<std::int64_t>(records);
    records_.policy = work.template take<double>(records, count_, size_);
    records_.q = work.template take<double>(records, count_, size_);
    for (auto& d : distances_) d = work.template take<double>(records, count_, players_);
    rest_ = work;
    work.template take<unsigned char>(ensemble_->measure_workspace());
  }
  template <class V>
  void to_space(typename V::value_type const* from, V const& to) const {
    using Host = Kokkos::View<typename V::value_type const*, Kokkos::HostSpace, impl::Unmanaged>;
    Vector<typename V::value_type, Space> const flat(to.data(), to.size());
    Kokkos::deep_copy(space_, flat, Host(from, to.size()));
    space_.fence(KRATE_LABEL("krate::tools::markov: numbers are there"));
  }
  /// [records, replicas, width] as [replicas, records, width], on the host.
  std::vector<double> by_replica(Tensor3<double, Space> const& v) const {
    std::vector<double> found(v.size()), turned;
    Kokkos::View<double*, Kokkos::HostSpace, impl::Unmanaged> const host(found.data(), found.size());
    Kokkos::deep_copy(space_, host, ConstVector<double, Space>(v.data(), v.size()));
    space_.fence(KRATE_LABEL("krate::tools::markov: numbers are read"));
    for (std::size_t r = 0; r < count_; ++r)
      for (std::size_t k = 0; k < v.extent(0); ++k) append(turned, found, (k * count_ + r) * v.extent(2), v.extent(2));
    return turned;
  }
  void from_replicas(std::vector<double> const& rows, Tensor3<double, Space> const& v) const {
    std::vector<double> turned;
    for (std::size_t k = 0; k < v.extent(0); ++k)
      for (std::size_t r = 0; r < count_; ++r) append(turned, rows, (r * v.extent(0) + k) * v.extent(2), v.extent(2));
    to_space(turned.data(), v);
  }

  Space space_;
  std::vector<std::int64_t> kept_;
  std::size_t count_, size_, players_;
  std::unique_ptr<games::Ensemble<Space>> ensemble_;
  Arena<Space> arena_;
  Vector<std::int64_t, Space> stages_;
  games::Records<Space> records_;
  Tensor3<double, Space> distances_[3];
  Workspace<Space> rest_;
};

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

/// Plays the next replicas of the last setting to their end, or on to it.
void play_round(Context& context, MarkovTask const& task, MarkovState& state, Progress& progress,
                Checkpoints& checkpoints) {
  auto const& comm = context.comm();
  auto const& setting = task.settings[state.results.size() - 1];
  auto& result = state.results.back();
  std::size_t const records = task.kept().size(), players = setting.game.players, size = setting.size(),
                    each = 3 * records * players + 2 * size;
  bool const goes_on = state.playing > 0;
  if (!goes_on) {
    std::size_t const at_once = std::max<std::size_t>(1, most_numbers / (2 * records * size));
    state.playing = std::min(at_once * static_cast<std::size_t>(comm.size()), task.replicas - result.replicas);
    state.stage = 0;
  }
  auto const share = comm::share_of(state.playing, comm.rank(), comm.size());
  std::unique_ptr<Round> round;
  comm.guarded([&] {
    round = std::make_unique<Round>(context.space(), task, setting, result.replicas + share.begin, share.count);
    if (goes_on) round->restore(state);
  });
  std::size_t const before = (state.results.size() - 1) * task.replicas + result.replicas;
  auto const step = std::max<std::int64_t>(
      1, slice / static_cast<std::int64_t>((state.playing + comm.size() - 1) / static_cast<std::size_t>(comm.size())));
  do {
    std::int64_t const stages = std::min(step, task.stages - state.stage);
    double seconds = 0;
    comm.guarded([&] { seconds = round->play(stages); });
    result.seconds += comm.all_reduce(seconds, comm::Reduction::max);
    state.stage += stages;
    progress.update(before * static_cast<std::size_t>(task.stages) +
                    state.playing * static_cast<std::size_t>(state.stage));
    if (state.stage == task.stages || !checkpoints.due()) continue;
    comm.guarded([&] { round->save(state); });
    checkpoints.write(task, state);
  } while (state.stage < task.stages);
  std::vector<double> mine;
  comm.guarded([&] { mine = round->results(); });
  auto const all = gathered(comm, mine, state.playing, each);
  for (std::size_t r = 0; r < state.playing; ++r) add_replica(result, all.data() + r * each, records, players, size);
  state.playing = 0;
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
  auto const is_whole = [&] { return state.results.empty() || state.results.back().replicas == task.replicas; };
  while (state.results.size() < task.settings.size() || !is_whole()) {
    if (is_whole()) state.results.emplace_back();
    play_round(context, task, state, progress, checkpoints);
    if (checkpoints.due()) checkpoints.write(task, state);
  }
}

}  // namespace krate::tools
