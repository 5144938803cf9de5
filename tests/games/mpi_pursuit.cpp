// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Games of linear maps shared out over ranks: each goes as it does alone, whatever the number of ranks.
#include <mpi.h>

#include <Kokkos_Core.hpp>
using TestSpace = Kokkos::DefaultExecutionSpace;

#include "games/pursuit_runs.hpp"
#include "krate/comm/communicator.hpp"
#include "support/ranks.hpp"

namespace {

std::vector<double> played(std::size_t begin, std::size_t count) {
  TestSpace const space;
  auto const games = few_games();
  std::vector<PursuitGame> const mine(games.begin() + static_cast<std::ptrdiff_t>(begin),
                                      games.begin() + static_cast<std::ptrdiff_t>(begin + count));
  std::vector<double> all;
  if (mine.empty()) return all;
  Pursuit pursuit(space, few_data(), mine, 5);
  pursuit.run(space, 5);
  for (std::size_t g = 0; g < count; ++g) {
    auto const found = pursuit.save(space, g);
    all.insert(all.end(), found.begin(), found.end());
  }
  return all;
}

}  // namespace

void run_on_ranks() {
  krate::comm::Communicator const comm(MPI_COMM_WORLD);
  std::size_t const games = few_games().size();
  auto const share = krate::comm::share_of(games, comm.rank(), comm.size());
  auto const mine = played(share.begin, share.count), all = played(0, games), before = played(0, share.begin);
  for (std::size_t k = 0; k < mine.size(); ++k)
    expect(mine[k] == all[before.size() + k], "a game goes differently among others");
  double sum = 0;
  for (double const x : all) sum += x;
  expect(comm.all_reduce(sum, krate::comm::Reduction::min) == comm.all_reduce(sum, krate::comm::Reduction::max),
         "ranks differ");
}
