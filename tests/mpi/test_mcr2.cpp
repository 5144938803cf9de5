// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Training by MCR2 with the same global batches on 1, 2 and 4 ranks: one rate of all samples, so one curve.
#include <cmath>

#include "krate/train/trainer.hpp"
#include "mpi/first_ranks.hpp"
#include "train/toy.hpp"

namespace krate::testing {
namespace {

using Space = Kokkos::DefaultHostExecutionSpace;

struct Mcr2Curve {
  std::vector<double> losses, norms, accuracies;
};

/// 25 steps; a batch of 21 of 50 samples is uneven over 2 and 4 ranks, and the last one of each epoch, 8, is not.
template <class Model>
Mcr2Curve follow(comm::Communicator const& comm, typename Model::Config config, double frobenius) {
  Space const space;
  Toy<Space, double> toy(50);
  config.mcr2 = Mcr2Objective{.eps_squared = 0.5, .frobenius = frobenius};
  Model const model(space, config, Seed{5});
  Mcr2Curve curve;
  train::Trainer trainer(space, comm, model, optim::AdamW{.learning_rate = 3e-3},
                         {.steps = 25, .batch = 21, .seed = Seed{5}, .shift = 1, .progress = [&](auto const& p) {
                            curve.losses.push_back(p.loss);
                            if (p.part == train::Part::train) curve.norms.push_back(p.gradient_norm);
                            if (p.part == train::Part::test) curve.accuracies.push_back(p.accuracy);
                          }});
  trainer.run(toy.source);
  return curve;
}

template <class Model>
void compare(typename Model::Config const& config, double frobenius) {
  auto const alone = follow<Model>({}, config, frobenius);
  for (int const size : {2, 4}) {
    if (size > world().size()) continue;
    FirstRanks const ranks(size);
    if (!ranks.member) continue;
    comm::Communicator const comm(ranks.mpi);
    auto const together = follow<Model>(comm, config, frobenius), again = follow<Model>(comm, config, frobenius);
    if (!comm.is_root()) continue;
    ASSERT_EQ(together.losses.size(), alone.losses.size());
    for (std::size_t i = 0; i < alone.losses.size(); ++i)
      EXPECT_NEAR(together.losses[i], alone.losses[i], 1e-10 * std::abs(alone.losses[i])) << "row " << i + 1;
    for (std::size_t i = 0; i < alone.norms.size(); ++i)
      EXPECT_NEAR(together.norms[i], alone.norms[i], 1e-9 * alone.norms[i]) << "step " << i + 1;
    EXPECT_EQ(together.accuracies, alone.accuracies);
    EXPECT_EQ(together.losses, again.losses) << "a repeat must give the same bits";
  }
  world().barrier();
}

TEST(Mcr2Parallel, OneTwoAndFourRanksFollowTheSameCurve) {
  compare<models::Crate<Space, double>>(Toy<Space, double>::config(), 0);
}
TEST(Mcr2Parallel, SoTheyDoWithAFrobeniusTerm) {
  compare<models::Mlp<Space, double>>({.image_size = 8, .hidden = 32, .dim = 16, .classes = 4}, 0.01);
}

}  // namespace
}  // namespace krate::testing
