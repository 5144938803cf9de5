// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operations and bytes, counted by hand for small sizes.
#pragma once

#include "perf/cases/class_coding_rate.hpp"
#include "perf/cases/class_moments.hpp"
#include "perf/cases/coding_rate.hpp"
#include "perf/cases/crate_cost.hpp"
#include "perf/cases/gemm.hpp"
#include "perf/cases/gradient_clip.hpp"
#include "perf/cases/in_situ.hpp"
#include "perf/cases/infer.hpp"
#include "perf/cases/markov.hpp"
#include "perf/cases/multi_head_attention.hpp"
#include "perf/cases/roof.hpp"
#include "perf/cases/tssa.hpp"
#include "support/op_test.hpp"

namespace krate::testing {
namespace {

#define KRATE_TEST_EXPANDED(space) Costs##space
#define KRATE_TEST_NAME(space) KRATE_TEST_EXPANDED(space)
#define KRATE_TEST_COSTS KRATE_TEST_NAME(KRATE_TEST_SPACE_NAME)

template <class Case, class Options>
perf::Cost cost_of(Options const& options) {
  return Case(TestSpace(), options).cost();
}

TEST(KRATE_TEST_COSTS, Product) {
  // 2 x 3 outputs of 4 multiply-adds; 8 + 12 + 6 numbers.
  auto const cost =
      cost_of<perf::GemmCase<TestSpace, double>>(typename perf::GemmCase<TestSpace, double>::Options{{2, 3, 4}, "N"});
  EXPECT_EQ(cost.flops, 48);
  EXPECT_EQ(cost.bytes, 26 * 8);
}

TEST(KRATE_TEST_COSTS, Game) {
  // A player with two routes: 4 for the draw, 6 for the response, 12 for the policy, 10 for the value, 10 for what it
  // keeps; 18 a stage. Three players, two replicas, ten stages; policies and values of 4 states.
  auto const cost = cost_of<perf::MarkovCase<TestSpace, double>>(
      typename perf::MarkovCase<TestSpace, double>::Options{3, 2, 2, 10, false});
  EXPECT_EQ(cost.flops, 20 * (3 * 42 + 18));
  EXPECT_EQ(cost.bytes, 2 * 2 * 24 * 8);
}

TEST(KRATE_TEST_COSTS, Factorization) {
  EXPECT_EQ(perf::cholesky_flops(1), 1);                 // a root
  EXPECT_EQ(perf::cholesky_flops(2), 5);                 // root, quotient, multiply-add, root
  EXPECT_EQ(perf::triangular_solve_flops(2, 3), 3 * 4);  // a column: quotient, multiply-add, quotient
  EXPECT_EQ(perf::gram_flops(4, 2), 3 * 2 * 4);          // three of the four inner products of length 4
}

TEST(KRATE_TEST_COSTS, Attention) {
  // 2 samples, 1 head, 3 tokens of width 2. Forward: 6 pairs of 2 multiply-adds and 6 more operations, outputs 3 x 2 of
  // 3 multiply-adds; a token 7 operations a feature and 8.
  auto const forward = 2 * (6 * (4 + 6) + 36 + 3 * (14 + 8));
  auto const c = cost_of<perf::MssaCase<TestSpace, float>>(perf::MssaSize{2, 1, 3, 2});
  EXPECT_EQ(c.flops, forward);
  EXPECT_EQ(c.bytes, 4 * (12 + 12 + 12));  // W, O, shifts and denominators
  // Backward: 6 pairs of three times 2 multiply-adds and 6 more operations, two products of 36; a token 16 a
  // feature and 10.
  auto const both = cost_of<perf::MssaCase<TestSpace, float>>(perf::MssaSize{2, 1, 3, 2, true});
  EXPECT_EQ(both.flops, forward + 2 * (6 * (12 + 6) + 2 * 36 + 3 * (32 + 10)));
  EXPECT_EQ(both.bytes, 4 * (36 + 12 + 12 + 6 + 12 + 12));  // and W, O, denominators, dO, dW
  // Causal: 6 pairs of two times 2 multiply-adds and 4 more; backward of three times and 4 more, a product of 36.
  auto const causal = cost_of<perf::MssaCase<TestSpace, float>>(perf::MssaSize{2, 1, 3, 2, true, true});
  EXPECT_EQ(causal.flops, 2 * (6 * (8 + 4) + 3 * 22) + 2 * (6 * (12 + 4) + 36 + 3 * 42));
}

TEST(KRATE_TEST_COSTS, TokenStatistics) {
  // 2 samples, 1 head, 3 tokens of width 2: 12 numbers of W; 6 memberships, 4 energies and 4 moments.
  auto const c = cost_of<perf::TssaCase<TestSpace, float>>(perf::TssaSize{2, 1, 3, 2});
  EXPECT_EQ(c.flops, 10 * 12);
  EXPECT_EQ(c.bytes, 4 * (12 + 12 + 6 + 8));
  auto const both = cost_of<perf::TssaCase<TestSpace, float>>(perf::TssaSize{2, 1, 3, 2, true});
  EXPECT_EQ(both.flops, (10 + 19) * 12);
  EXPECT_EQ(both.bytes, c.bytes + 4 * (3 * 12 + 6 + 8));
  auto const causal = cost_of<perf::TssaCase<TestSpace, float>>(perf::TssaSize{2, 1, 3, 2, true, true});
  EXPECT_EQ(causal.flops, (10 + 52) * 12);
  EXPECT_EQ(causal.bytes, 4 * (5 * 12 + 2 * 6));
}

TEST(KRATE_TEST_COSTS, MultiHeadAttention) {
  // 2 samples, 1 head, 3 tokens of width 2: 9 pairs of 4 * 2 + 8; 12 numbers of O, 36 of Q, K and V, 12 of the rows.
  auto const c = cost_of<perf::MultiHeadCase<TestSpace, float>>(perf::MssaSize{2, 1, 3, 2});
  EXPECT_EQ(c.flops, 2 * (9 * 16 + 3 * 17));
  EXPECT_EQ(c.bytes, 4 * (36 + 12 + 12));
  auto const both = cost_of<perf::MultiHeadCase<TestSpace, float>>(perf::MssaSize{2, 1, 3, 2, true});
  EXPECT_EQ(both.flops, c.flops + 2 * (9 * 28 + 3 * 9));
  EXPECT_EQ(both.bytes, c.bytes + 4 * (2 * 36 + 2 * 12 + 12));
  auto const causal = cost_of<perf::MultiHeadCase<TestSpace, float>>(perf::MssaSize{2, 1, 3, 2, false, true});
  EXPECT_EQ(causal.flops, 2 * (6 * 16 + 3 * 17));
}

TEST(KRATE_TEST_COSTS, SparseCoding) {
  using Ista = perf::IstaCase<TestSpace, float>;
  // 3 tokens of width 2, folded: D^T D 2 * 2 * 3, three operations an element of the fold; a product of 3 x 2 outputs
  // of 2 multiply-adds; shift and threshold.
  double const fold = 12 + 12;
  auto const c = cost_of<Ista>(typename Ista::Options{3, 2});
  EXPECT_EQ(c.flops, fold + 24 + 2 * 6);
  EXPECT_EQ(c.bytes, 4 * (6 + 4 + 6));
  // Backward: the fold again, two products, mask; the fold's gradient: a product of 2 x 2 x 2, three an element.
  auto const both = cost_of<Ista>(typename Ista::Options{3, 2, true});
  EXPECT_EQ(both.flops, c.flops + fold + 2 * 24 + 6 + 16 + 12);
  EXPECT_EQ(both.bytes, 4 * (16 + 4 * 6 + 3 * 4));
  // Fewer tokens than features: two products of 2 x 3 outputs of 3, then five; four operations an element each way.
  EXPECT_EQ((cost_of<Ista>(typename Ista::Options{2, 3}).flops), 2 * 36 + 4 * 6);
  EXPECT_EQ((cost_of<Ista>(typename Ista::Options{2, 3, true}).flops), 7 * 36 + 8 * 6);
}

TEST(KRATE_TEST_COSTS, Rates) {
  // 8 samples of dim 2, double: Gram 8 * 2 * 3, factor 5, squares of rows, identity and logarithms 2 * (2 + 3),
  // inverse: of the factor 4, its Gram 12, product 2 * 8 * 4.
  EXPECT_EQ((cost_of<perf::CodingRateCase<TestSpace, double>>(perf::RateSize{8, 2}).flops), 48 + 5 + 10 + 4 + 12 + 64);
  EXPECT_EQ((cost_of<perf::CodingRateCase<TestSpace, double>>(perf::RateSize{8, 2, 0, true}).flops), 48 + 5 + 10);
  EXPECT_EQ((cost_of<perf::CodingRateCase<TestSpace, double>>(perf::RateSize{8, 2, 0, true}).bytes), 8 * 16);
  // Float is converted on its way in (twice) and out.
  EXPECT_EQ((cost_of<perf::CodingRateCase<TestSpace, float>>(perf::RateSize{8, 2}).flops),
            48 + 5 + 10 + 4 + 12 + 64 + 3 * 16);
  // But not where rows are many and short.
  EXPECT_EQ((cost_of<perf::CodingRateCase<TestSpace, float>>(perf::RateSize{64, 2}).flops),
            64 * 6 + 5 + 10 + 4 + 12 + 64 * 8);
  // Wide float samples have float products, the Gram matrix in square tiles: 256 of dim 128 one tile, its factor's
  // inverse rounded; of one class the inverse of the matrix from its factor.
  if (perf::has_float_products<TestSpace, float>(128)) {
    double const n = 256, d = 128, factor = 2 * d * d * n + perf::cholesky_flops(d) + d * (d + 3);
    double const inverse = d * (d * d + 2) / 3;
    EXPECT_EQ((cost_of<perf::CodingRateCase<TestSpace, float>>(perf::RateSize{256, 128}).flops),
              factor + inverse + perf::gram_flops(d, d) + 2 * n * d * d + d * d);
    EXPECT_EQ((cost_of<perf::ClassCodingRateCase<TestSpace, float>>(perf::RateSize{256, 128, 1}).flops),
              factor + 2 * inverse + 2 * n * d * d + n * d);
  }
  // A field of 8 cells: Gram alone, or a product of 2 * 8 * 4 as well; one stream, or two in and one out.
  auto const in_situ = [](bool gradient) {
    return cost_of<perf::InSituCase<TestSpace, double>>(
        typename perf::InSituCase<TestSpace, double>::Options{8, 2, false, gradient});
  };
  EXPECT_EQ(in_situ(false).flops, 48);
  EXPECT_EQ(in_situ(false).bytes, 8 * 16);
  EXPECT_EQ(in_situ(true).flops, 48 + 64);
  EXPECT_EQ(in_situ(true).bytes, 3 * 8 * 16);
  // Two classes of 4: Gram as one tile 2 * 2 * 2 * 4, factor 5, 2 * (2 + 3), its inverse 4, two triangular
  // products of 4 columns; the scale of 16.
  EXPECT_EQ((cost_of<perf::ClassCodingRateCase<TestSpace, double>>(perf::RateSize{8, 2, 2}).flops),
            2 * (32 + 5 + 10 + 4 + 2 * 16) + 16);
  EXPECT_EQ((cost_of<perf::ClassCodingRateCase<TestSpace, double>>(perf::RateSize{8, 2, 2, true}).flops),
            2 * (32 + 5 + 10));
  EXPECT_EQ((cost_of<perf::ClassCodingRateCase<TestSpace, float>>(perf::RateSize{8, 2, 2}).bytes),
            4 * 16 + 4 * 16 + 4 * 8);
  // The same Gram matrices; samples, labels, and a triangle of 3 a class, read and written.
  EXPECT_EQ((cost_of<perf::ClassMomentsCase<TestSpace, double>>(perf::RateSize{8, 2, 2}).flops), 2 * 32);
  EXPECT_EQ((cost_of<perf::ClassMomentsCase<TestSpace, float>>(perf::RateSize{8, 2, 2}).bytes),
            4 * 16 + 4 * 8 + 2 * 8 * (2 * 3));
}

TEST(KRATE_TEST_COSTS, Optimizers) {
  EXPECT_EQ((cost_of<perf::AdamWCase<TestSpace, float>>(perf::OptimizerSize{10}).bytes), 28 * 10);
  EXPECT_EQ((cost_of<perf::AdamWCase<TestSpace, float>>(perf::OptimizerSize{10}).flops), 150);
  EXPECT_EQ((cost_of<perf::LionCase<TestSpace, double>>(perf::OptimizerSize{10}).bytes), 40 * 10);
  EXPECT_EQ((cost_of<perf::GradientClipCase<TestSpace, float>>(perf::OptimizerSize{10}).flops), 20);
}

TEST(KRATE_TEST_COSTS, ModelIsTheSumOfItsLayers) {
  // One image of 2 x 2, one patch of 1 x 1 wide each: 4 patches, 5 tokens of width 2, one block, 2 heads of width 1.
  models::CrateConfig const c{.image_size = 2, .patch_size = 1, .dim = 2, .depth = 1, .heads = 2, .classes = 3};
  double const embedding = 4 * (8 + 5) + (4 * 2 * 2 + 8) + 4 * (16 + 5) + 10;
  double const mssa = 2 * (2 * 5 * 2 * 2) + 10 + 2 * (15 * (2 + 6) + 2 * 25 + 5 * 15);
  double const fold = 24, block = 2 * 5 * (16 + 5) + mssa + 10 + (fold + 40 + 2 * 10);
  double const head = 4 + (16 + 5) + (12 + 3);
  EXPECT_EQ(perf::CrateFlops(c, 1).forward(), embedding + block + head);
  auto const cost =
      cost_of<perf::InferCase<TestSpace, float>>(typename perf::InferCase<TestSpace, float>::Options{c, 1});
  EXPECT_EQ(cost.flops, embedding + block - fold + head);  // folded before
  // 4 pixels, 3 logits; positions 10, class token 2, norms 2 + 4 + 4 + 4 + 4, linear 4, U 4, B 4 + 2, D 4, head 9.
  EXPECT_EQ(cost.bytes, 4 * (4 + 3 + 57));
  // Backward of the block: both norms anew, 4 + 5 products, and so on; the fold is at hand.
  double const backward =
      2 * 5 * 21 + (2 * 40 + 10 + 16 + 12) + 10 * 19 + 10 * 20 + 4 * 40 + 10 + 2 * (15 * (6 + 6) + 4 * 25 + 5 * 26);
  EXPECT_EQ(perf::CrateFlops(c, 1).block_backward(), backward);
}

TEST(KRATE_TEST_COSTS, AlphaCodesOtherwise) {
  // As above, 4 patches, 5 tokens of width 2, and 8 codes, with the residual.
  models::CrateAlphaConfig c;
  c.image_size = 2;
  c.patch_size = 1;
  c.dim = 2;
  c.depth = 1;
  c.heads = 2;
  c.classes = 3;
  double const embedding = (4 * 2 * 2 + 8) - 8 + 8 + 10, head = 4 + (16 + 5) + (12 + 3);
  double const product = 2 * 5 * 2 * 8;
  double const mssa = 2 * (2 * 5 * 2 * 2) + 2 * (15 * (2 + 6) + 2 * 25 + 5 * 15);
  double const coder = 4 * product + 2 * 16 + 5 * 40 + 2 * 10;
  EXPECT_EQ(perf::flops_of(c, 1).forward(), embedding + 2 * 5 * (16 + 5) + mssa + 10 + coder + head);
  double const backward = 8 * product + 3 * 40 + 10 + 9 * 16;
  double const attention = 2 * 5 * 21 + 10 * 20 + 10 * 20 + 4 * 40 + 2 * (15 * (6 + 6) + 4 * 25 + 5 * 26);
  EXPECT_EQ(perf::flops_of(c, 1).block_backward(), attention + backward);
}

TEST(KRATE_TEST_COSTS, OneWideHeadHasNoOutputMap) {
  models::CrateConfig const one{.image_size = 2, .patch_size = 1, .dim = 2, .depth = 1, .heads = 1};
  perf::CrateFlops const flops(one, 1);
  EXPECT_EQ(flops.block_forward(), 210 + 40 + perf::mssa_flops(1, 1, 5, 2) + 10 + 84);
  EXPECT_EQ(flops.block_backward(), 210 + 118 + 190 + 200 + 2 * 40 + perf::mssa_backward_flops(1, 1, 5, 2));
}

TEST(KRATE_TEST_COSTS, TheRoofIsMeasured) {
  TestSpace const space;
  for (perf::Roof const& roof : {perf::Roof{perf::product_peak<float>(space), perf::triad_peak(space)},
                                 perf::InSituCase<TestSpace, double>::roof(space)}) {
    EXPECT_GT(roof.flop_per_s, 0);
    EXPECT_GT(roof.byte_per_s, 0);
    EXPECT_DOUBLE_EQ(roof.seconds({roof.flop_per_s, 2 * roof.byte_per_s}), 2);
    EXPECT_DOUBLE_EQ(roof.seconds({3 * roof.flop_per_s, 0}), 3);
  }
}

}  // namespace
}  // namespace krate::testing
