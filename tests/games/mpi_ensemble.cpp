// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Replicas shared out over ranks: each plays as it does alone, whatever the number of ranks.
#include <mpi.h>

#include <Kokkos_Core.hpp>
using TestSpace = Kokkos::DefaultExecutionSpace;

#include "krate/comm/communicator.hpp"
#include "krate/games/ensemble.hpp"
#include "support/ranks.hpp"

namespace {

using krate::games::LearningRule;
using krate::games::RandomStream;

/// Final policies of replicas begin .. begin + count - 1 of a list.
std::vector<double> policies(std::size_t begin, std::size_t count, RandomStream random) {
  TestSpace const space;
  std::vector<LearningRule> rules;
  for (std::size_t r = begin; r < begin + count; ++r) rules.push_back({.tau = r % 2 == 0 ? 1e-6 : 0.1, .seed = 1 + r});
  std::vector<double> all;
  if (rules.empty()) return all;
  krate::games::Ensemble<TestSpace> ensemble(space, krate::games::RoutingGame{}, rules, random);
  ensemble.run(space, 3000);
  for (std::size_t r = 0; r < count; ++r) {
    auto const found = ensemble.snapshot(space, r).policy;
    all.insert(all.end(), found.begin(), found.end());
  }
  return all;
}

}  // namespace

void run_on_ranks() {
  krate::comm::Communicator const comm(MPI_COMM_WORLD);
  constexpr std::size_t replicas = 7;
  for (auto const random : {RandomStream::counter, RandomStream::mersenne}) {
    auto const share = krate::comm::share_of(replicas, comm.rank(), comm.size());
    auto const mine = policies(share.begin, share.count, random), all = policies(0, replicas, random);
    std::size_t const each = all.size() / replicas;
    for (std::size_t k = 0; k < mine.size(); ++k)
      expect(mine[k] == all[share.begin * each + k], "a replica plays differently among others");
    double sum = 0;
    for (double const p : all) sum += p;
    expect(comm.all_reduce(sum, krate::comm::Reduction::min) == comm.all_reduce(sum, krate::comm::Reduction::max),
           "ranks differ");
  }
}
