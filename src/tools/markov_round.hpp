// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <memory>

#include "krate/core/arena.hpp"
#include "krate/core/label.hpp"
#include "krate/games/ensemble.hpp"
#include "tools/markov.hpp"
#include "tools/space.hpp"

namespace krate::tools {

inline void append(std::vector<double>& to, std::vector<double> const& from, std::size_t begin, std::size_t count) {
  auto const first = from.begin() + static_cast<std::ptrdiff_t>(begin);
  to.insert(to.end(), first, first + static_cast<std::ptrdiff_t>(count));
}

/// A rank's replicas that play together, of settings of one game.
class MarkovRound {
 public:
  /// @param first  among the replicas of all settings, one after another
  MarkovRound(Space const& space, MarkovTask const& task, std::size_t first, std::size_t count)
      : space_(space), kept_(task.kept()), count_(count) {
    if (count == 0) return;
    auto const& setting = task.settings[first / task.replicas];
    size_ = setting.size();
    players_ = setting.game.players;
    std::vector<games::LearningRule> rules;
    for (std::size_t r = first; r < first + count; ++r) {
      rules.push_back(task.settings[r / task.replicas].rule);
      rules.back().seed += r % task.replicas;
    }
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
  std::size_t count_, size_ = 0, players_ = 0;
  std::unique_ptr<games::Ensemble<Space>> ensemble_;
  Arena<Space> arena_;
  Vector<std::int64_t, Space> stages_;
  games::Records<Space> records_;
  Tensor3<double, Space> distances_[3];
  Workspace<Space> rest_;
};

}  // namespace krate::tools
