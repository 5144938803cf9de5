// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <memory>
#include <vector>

#include "krate/core/label.hpp"
#include "krate/games/ensemble.hpp"
#include "perf/cases/cost.hpp"
#include "perf/cases/memory.hpp"

namespace krate::perf {

/// Of each player: a draw of 3 m - 2 operations, a response of 4 m - 2 (its exponentials are mostly 0 and not
/// computed), a policy of 6 m, a value of 10, entropy and worth of 5 m; once a stage rewards and the next state of 4 m
/// each.
inline double markov_stage_flops(double players, double routes) {
  return players * (18 * routes + 6) + 8 * routes + 2;
}

/// Replicas of independent learning in a routing game, begun anew and played for some stages.
template <class Space, class T>
class MarkovCase {
 public:
  using Arithmetic = double;
  struct Options {
    std::size_t players = 4, routes = 2, replicas = 1;
    std::int64_t stages = 100000;
    bool mersenne = false;
  };
  MarkovCase(Space const& space, Options const& o) : options_(o) {
    std::vector<games::LearningRule> rules(o.replicas);
    for (std::size_t r = 0; r < o.replicas; ++r) rules[r].seed = 1 + r;
    ensemble_ = std::make_unique<games::Ensemble<Space>>(
        space, games::routing_game(o.players, o.routes), rules,
        o.mersenne ? games::RandomStream::mersenne : games::RandomStream::counter);
    start_ = ensemble_->save(space);
    arena_ = allocate(space, [&](auto& work) {
      last_ = work.template take<std::int64_t>(1);
      records_.policy = work.template take<double>(1, o.replicas, ensemble_->size());
      records_.q = work.template take<double>(1, o.replicas, ensemble_->size());
    });
    Kokkos::View<std::int64_t const*, Kokkos::HostSpace, krate::impl::Unmanaged> const host(&options_.stages, 1);
    Kokkos::deep_copy(space, last_, host);
    space.fence(KRATE_LABEL("krate::perf::markov: the last stage is there"));
    records_.stages = last_;
  }
  void run(Space const& space) {
    ensemble_->restore(space, 0, start_);
    ensemble_->run(space, options_.stages, records_);
  }
  Cost cost() const {
    auto const n = static_cast<double>(options_.players), m = static_cast<double>(options_.routes);
    double const all = static_cast<double>(options_.replicas), stages = all * static_cast<double>(options_.stages);
    return {stages * markov_stage_flops(n, m), all * 2 * static_cast<double>(ensemble_->size()) * sizeof(double)};
  }
  Tensor3<double, Space> output() const { return records_.q; }
  static double least_memory(Options const& o) {
    return static_cast<double>(o.replicas) * static_cast<double>(o.players * o.routes << o.routes) * 5 * sizeof(double);
  }

 private:
  Options options_;
  std::unique_ptr<games::Ensemble<Space>> ensemble_;
  std::vector<std::uint8_t> start_;
  Vector<std::int64_t, Space> last_;
  games::Records<Space> records_;
  Arena<Space> arena_;
};

}  // namespace krate::perf
