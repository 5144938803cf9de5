// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every case at a small size: its output is finite, not zero, and the same in a second object; vendor and own product
// agree.
#pragma once

#include "perf/cases/batched_gemm.hpp"
#include "perf/cases/class_coding_rate.hpp"
#include "perf/cases/class_moments.hpp"
#include "perf/cases/coding_rate.hpp"
#include "perf/cases/csc.hpp"
#include "perf/cases/gradient_clip.hpp"
#include "perf/cases/in_situ.hpp"
#include "perf/cases/infer.hpp"
#include "perf/cases/log_det.hpp"
#include "perf/cases/markov.hpp"
#include "perf/cases/multi_head_attention.hpp"
#include "perf/cases/patch_embedding.hpp"
#include "perf/cases/pool.hpp"
#include "perf/cases/pursuit.hpp"
#include "perf/cases/soft_coding_rate.hpp"
#include "perf/cases/subspace_coding_rate.hpp"
#include "perf/cases/text_infer.hpp"
#include "perf/cases/token_embedding.hpp"
#include "perf/cases/tssa.hpp"
#include "perf/variants/triad.hpp"
#include "perf/variants/vendor_gemm.hpp"
#if KRATE_ENABLE_HDF5
#include "perf/cases/step.hpp"
#include "perf/cases/text_step.hpp"
#endif
#include "support/op_test.hpp"

namespace krate::testing {
namespace {

template <class T>
struct CaseTest : ::testing::Test {
  TestSpace space;

  template <class Case, class Options>
  Array output(Options const& options, int runs = 1) {
    Case c(space, options);
    for (int r = 0; r < runs; ++r) c.run(space);
    space.fence("krate::test: case");
    return to_array(c.output());
  }
  template <class Case, class Options>
  void expect_works(Options const& options) {
    Array const found = output<Case>(options), again = output<Case>(options);
    EXPECT_EQ(found.data, again.data);
    double size = 0;
    for (double const x : found.data) {
      EXPECT_TRUE(std::isfinite(x));
      size += std::abs(x);
    }
    EXPECT_GT(size, 0);
    auto const cost = Case(space, options).cost();
    EXPECT_GE(cost.flops, 0);
    EXPECT_GT(cost.bytes, 0);
  }
  /// The same with and without backward pass.
  template <class Case>
  void expect_both_ways(typename Case::Options options) {
    double flops = -1;
    for (bool const backward : {false, true}) {
      options.backward = backward;
      expect_works<Case>(options);
      double const counted = Case(space, options).cost().flops;
      EXPECT_GE(counted, flops);
      flops = counted;
    }
  }
};

SCALAR_TESTS(CaseTest, Scalars);

SCALAR_TEST(CaseTest, LinearAlgebra) {
  using S = TestSpace;
  using T = TypeParam;
  using Gemm = perf::GemmCase<S, T>;
  this->template expect_works<Gemm>(typename Gemm::Options{{3, 4, 5}, "N"});
  this->template expect_works<Gemm>(typename Gemm::Options{{4, 3, 4}, "T"});
  this->template expect_works<perf::BatchedGemmCase<S, T>>(typename perf::BatchedGemmCase<S, T>::Options{2, 3, 5, 2});
  this->template expect_works<perf::GramCase<S, T>>(typename perf::GramCase<S, T>::Options{7, 4});
  this->template expect_works<perf::LogDetCase<S, T>>(typename perf::LogDetCase<S, T>::Options{2, 3});
  this->template expect_works<perf::TriangularSolveCase<S, T>>(typename perf::TriangularSolveCase<S, T>::Options{4, 3});
  using Cholesky = perf::CholeskyCase<S, T>;
  typename Cholesky::Options const size{6};
  this->template expect_works<Cholesky>(size);
  EXPECT_EQ(this->template output<Cholesky>(size, 1).data, this->template output<Cholesky>(size, 3).data);
}

SCALAR_TEST(CaseTest, VendorAndOwnProductAgree) {
  using T = TypeParam;
  perf::GemmSize const size{5, 4, 3};
  auto const own =
      this->template output<perf::GemmCase<TestSpace, T>>(typename perf::GemmCase<TestSpace, T>::Options{size, "N"});
  auto const vendor = this->template output<perf::VendorGemmCase<TestSpace, T>>(size);
  EXPECT_LE(worst_error(vendor, own), tolerance<T>(3));
}

SCALAR_TEST(CaseTest, TriadIsTheFormula) {
  for (double const a : this->template output<perf::TriadCase<TestSpace, TypeParam>>(
                                typename perf::TriadCase<TestSpace, TypeParam>::Options{100})
                            .data)
    EXPECT_EQ(a, 7);
}

SCALAR_TEST(CaseTest, Rates) {
  using S = TestSpace;
  using T = TypeParam;
  for (perf::RateSize const size : {perf::RateSize{20, 3}, {5, 4}, {3, 8}, {20, 3, 0, true}})
    this->template expect_works<perf::CodingRateCase<S, T>>(size);
  for (perf::RateSize const size : {perf::RateSize{20, 3, 2}, {7, 3, 5}, {3, 3, 5}, {20, 3, 2, true}}) {
    this->template expect_works<perf::ClassCodingRateCase<S, T>>(size);
    this->template expect_works<perf::ClassMomentsCase<S, T>>(size);
  }
  this->template expect_works<perf::SoftCodingRateCase<S, T>>(perf::RateSize{7, 3, 2});
  for (bool const left : {false, true})
    for (bool const gradient : {false, true})
      this->template expect_works<perf::InSituCase<S, T>>(
          typename perf::InSituCase<S, T>::Options{300, 3, left, gradient});
  using Subspace = perf::SubspaceCodingRateCase<S, T>;
  this->template expect_works<Subspace>(typename Subspace::Options{2, 3, 5, 2});
}

SCALAR_TEST(CaseTest, Games) {
  using Markov = perf::MarkovCase<TestSpace, TypeParam>;
  for (bool const mersenne : {false, true})
    this->template expect_works<Markov>(typename Markov::Options{3, 2, 2, 50, mersenne});
  using Pursuit = perf::PursuitCase<TestSpace, TypeParam>;
  for (double const noise : {0.0, 0.1})
    this->template expect_works<Pursuit>(typename Pursuit::Options{2, 9, 7, 8, 6, 2, 3, noise});
}

SCALAR_TEST(CaseTest, Layers) {
  using S = TestSpace;
  using T = TypeParam;
  this->template expect_both_ways<perf::MssaCase<S, T>>({2, 3, 5, 4});
  this->template expect_both_ways<perf::MssaLayerCase<S, T>>({2, 3, 5, 4});
  this->template expect_both_ways<perf::MultiHeadCase<S, T>>({2, 3, 5, 4});
  this->template expect_both_ways<perf::TssaCase<S, T>>({2, 3, 5, 4});
  this->template expect_both_ways<perf::IstaCase<S, T>>({7, 6});
  this->template expect_both_ways<perf::CscCase<S, T>>({{2, 3, 6, 6, 4, 3, 1, 1}, 3});
  this->template expect_both_ways<perf::LayerNormCase<S, T>>({4, 6});
  this->template expect_both_ways<perf::LinearCase<S, T>>({4, 3, 5});
  this->template expect_both_ways<perf::PatchEmbeddingCase<S, T>>({2, 3, 8, 4});
  this->template expect_both_ways<perf::TokenEmbeddingCase<S, T>>({2, 5, 3});
  this->template expect_both_ways<perf::PoolCase<S, T>>({2, 5, 3});
  this->template expect_both_ways<perf::CrossEntropyCase<S, T>>({4, 6});
}

SCALAR_TEST(CaseTest, Optimizers) {
  perf::OptimizerSize const size{100};
  this->template expect_works<perf::AdamWCase<TestSpace, TypeParam>>(size);
  this->template expect_works<perf::LionCase<TestSpace, TypeParam>>(size);
  this->template expect_works<perf::GradientClipCase<TestSpace, TypeParam>>(size);
}

SCALAR_TEST(CaseTest, Models) {
  models::CrateConfig const model{.image_size = 8, .patch_size = 4, .dim = 12, .depth = 2, .heads = 3};
  using Infer = perf::InferCase<TestSpace, TypeParam>;
  this->template expect_works<Infer>(typename Infer::Options{model, 3});
#if KRATE_ENABLE_HDF5
  using Step = perf::StepCase<TestSpace, TypeParam>;
  typename Step::Options const options{model, 3};
  this->template expect_works<Step>(options);
  Step step(this->space, options);
  step.run(this->space);
  EXPECT_NEAR(step.loss(), std::log(10.0), 1.5);  // ten classes, nothing learnt
  EXPECT_GT(step.cost().flops, 2 * Infer(this->space, {model, 3}).cost().flops);
#endif
}

SCALAR_TEST(CaseTest, TextModels) {
  models::CausalCrateConfig const model{.vocabulary = 19, .context = 8, .dim = 12, .depth = 2, .heads = 3};
  using Infer = perf::TextInferCase<TestSpace, TypeParam>;
  this->template expect_works<Infer>(typename Infer::Options{model, 3});
#if KRATE_ENABLE_HDF5
  using Step = perf::TextStepCase<TestSpace, TypeParam>;
  typename Step::Options const options{model, 3};
  this->template expect_works<Step>(options);
  Step step(this->space, options);
  step.run(this->space);
  EXPECT_NEAR(step.loss(), std::log(19.0), 0.5);  // nothing learnt
  EXPECT_GT(step.cost().flops, 2 * Infer(this->space, {model, 3}).cost().flops);
#endif
}

}  // namespace
}  // namespace krate::testing
