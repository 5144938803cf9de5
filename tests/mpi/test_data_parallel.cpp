// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The same global batches on 1, 2 and all ranks.
#include <cmath>
#include <filesystem>

#include "krate/train/text_source.hpp"
#include "krate/train/trainer.hpp"
#include "mpi/first_ranks.hpp"
#include "train/counting_text.hpp"
#include "train/toy.hpp"

namespace krate::testing {
namespace {

using Space = Kokkos::DefaultHostExecutionSpace;

struct Curve {
  std::vector<double> losses, norms;
  double test_loss = 0;
};

/// A model of the toy's images, or of texts.
template <class Model>
Model toy_model(Space const& space) {
  auto const toy = Toy<Space, double>::config();
  typename Model::Config config;
  if constexpr (requires { config.clip; }) {
    static_cast<models::CrateConfig&>(config) = toy;
  } else {
    config.dim = toy.dim;
    config.depth = toy.depth;
    config.heads = toy.heads;
    if constexpr (requires { config.classes; }) config.classes = toy.classes;
    if constexpr (requires { config.patch_size; })
      config.patch_size = std::is_same_v<Model, models::Tost<Space, double>> ? 2 : 4;
    if constexpr (requires { config.decoder_depth; }) config.decoder_depth = config.decoder_heads = 2;
    if constexpr (requires { config.vocabulary; }) {
      config.vocabulary = 19;
      config.context = 8;
    }
    if constexpr (requires { config.padding; }) config.padding = 18;
  }
  return Model(space, config, Seed{5});
}

/// What the model reads.
template <class Model>
struct Samples {
  Toy<Space, double> toy{50};
  train::BatchSource<Space, double>& source() { return toy.source; }
};
template <class Model>
inline constexpr bool fills_in = requires(typename Model::Config const& c) {
  c.padding;
};
template <class Model>
requires train::ReadsTokens<Model>
struct Samples<Model> {
  train::TextSource<Space> text{counting_text(63, 8, 13),
                                {.windows = true, .masked = fills_in<Model> ? 0.3 : 0, .mask_id = 17}};
  train::TextSource<Space>& source() { return text; }
};

/// 25 steps; a batch of 11 of 50 samples is uneven over 2 and 4 ranks, and the last one of each epoch, 6, is too.
template <class Model = models::Crate<Space, double>>
Curve train(comm::Communicator const& comm, std::string const& run = {}, bool resume = false,
            std::int64_t stop_at = 0) {
  Space const space;
  Samples<Model> samples;
  Model const model = toy_model<Model>(space);
  Curve curve;
  train::Trainer trainer(
      space, comm, model, optim::AdamW{.learning_rate = 3e-3},
      {.steps = 25,
       .batch = 11,
       .seed = Seed{5},
       .shift = 1,
       .flip = true,
       .crop = true,
       .run = run,
       .checkpoint_every = 10,
       .resume = resume,
       .progress =
           [&](train::Progress const& p) {
             if (p.part == train::Part::test) return;
             curve.losses.push_back(p.loss);
             curve.norms.push_back(p.gradient_norm);
           },
       .stop = [&] { return stop_at > 0 && static_cast<std::int64_t>(curve.losses.size()) == stop_at; }});
  auto const summary = trainer.run(samples.source());
  if (summary.test) curve.test_loss = summary.test->loss;
  return curve;
}

void expect_same(Curve const& found, Curve const& expected, std::size_t skipped = 0) {
  ASSERT_EQ(found.losses.size() + skipped, expected.losses.size());
  for (std::size_t i = 0; i < found.losses.size(); ++i) {
    double const bound = i + skipped < 20 ? 1e-12 : 1e-9, loss = expected.losses[i + skipped];
    EXPECT_NEAR(found.losses[i], loss, bound * std::abs(loss)) << "step " << i + skipped + 1;
    EXPECT_NEAR(found.norms[i], expected.norms[i + skipped], 1000 * bound * expected.norms[i + skipped]);
  }
  EXPECT_NEAR(found.test_loss, expected.test_loss, 1e-9 * expected.test_loss);
}

template <class Model>
struct SameCurve : ::testing::Test {};
using Family =
    ::testing::Types<models::Crate<Space, double>, models::CrateAlpha<Space, double>, models::CrateMae<Space, double>,
                     models::CausalCrate<Space, double>, models::CrateBert<Space, double>, models::Tost<Space, double>,
                     models::TostCausal<Space, double>, models::Vit<Space, double>, models::Gpt2<Space, double>>;
struct FamilyName {
  template <class Model>
  static std::string GetName(int) {
    return Model::name;
  }
};
TYPED_TEST_SUITE(SameCurve, Family, FamilyName);

TYPED_TEST(SameCurve, OnOneTwoAndFourRanks) {
  Curve const alone = train<TypeParam>({});
  for (int const size : {2, 4}) {
    if (size > world().size()) continue;
    FirstRanks const ranks(size);
    if (!ranks.member) continue;
    comm::Communicator const comm(ranks.mpi);
    Curve const together = train<TypeParam>(comm), again = train<TypeParam>(comm);
    if (comm.is_root()) {
      expect_same(together, alone);
      EXPECT_EQ(together.losses, again.losses) << "a repeat must give the same bits";
    }
  }
  world().barrier();
}

TEST(DataParallel, ARunResumesOnAnotherNumberOfRanks) {
  auto const all = world();
  SharedDirectory const directory(all);
  Curve const alone = train({});
  train(all, directory.path(), false, 7);  // stops after 7 steps, with a checkpoint
  Curve const rest = train(all, directory.path(), true);
  if (all.is_root()) expect_same(rest, alone, 7);
  all.barrier();
  if (all.is_root()) {
    for (auto const& file : {"step-00000025.h5", "step-00000020.h5"})
      std::filesystem::remove(directory.path() + "/checkpoints/" + file);
    Curve const one = train({}, directory.path(), true);  // written by all ranks, read by one
    expect_same(one, alone, 10);
  }
  all.barrier();
}

TEST(DataParallel, MoreRanksThanSamplesInABatch) {
  Space const space;
  auto const all = world();
  Toy<Space, double> toy(3, 1);
  auto const losses = [&](comm::Communicator const& comm) {
    models::Crate<Space, double> const model(space, toy.config());
    train::Trainer trainer(space, comm, model, optim::AdamW{}, {.epochs = 3, .batch = 1});
    return trainer.run(toy.source).train_loss;
  };
  double const together = losses(all), alone = losses({});
  EXPECT_NEAR(together, alone, 1e-12 * alone);
}

TEST(DataParallel, WhereOneRankCannotGoOnAllRanksStop) {
  auto const all = world();
  Space const space;
  Toy<Space, double> toy(20);
  models::Crate<Space, double> const model(space, toy.config());
  EXPECT_ERROR_EVERYWHERE(IoError, "cannot be", ([&] {
                            train::Trainer trainer(space, all, model, optim::AdamW{},
                                                   {.steps = 2, .batch = 4, .run = "/proc/krate_cannot_write_here"});
                            trainer.run(toy.source);
                          }()));
}

}  // namespace
}  // namespace krate::testing
