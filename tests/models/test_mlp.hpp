// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/elementwise.hpp"
#include "krate/models/mlp.hpp"
#include "support/checks.hpp"
#include "support/gradient_check.hpp"
#include "support/op_test.hpp"

namespace krate::testing {
namespace {

template <class T>
struct MlpRun {
  using Model = models::Mlp<TestSpace, T>;
  TestSpace space;
  Model model;
  Arena<TestSpace> arena;
  Workspace<TestSpace> work;
  typename Model::State state;

  MlpRun(models::MlpConfig const& config, std::size_t batch)
      : model(space, config, Seed{3}),
        arena(space, model.plan(batch, models::Pass::training)),
        work(arena.workspace()) {
    model.cut(work, batch, models::Pass::training, state);
  }
  void set(Array const& parameters) {
    std::size_t next = 0;
    for (std::size_t i = 0; i < model.parameters().entries().size(); ++i) {
      auto const value = model.parameters().value(i);
      auto const piece = parameters.data.begin() + static_cast<std::ptrdiff_t>(next);
      next += value.size();
      auto const from = to_view<TestSpace, T, 1>(
          Array({value.size()}, {piece, parameters.data.begin() + static_cast<std::ptrdiff_t>(next)}));
      copy(space, from, value);
    }
    space.fence("krate::test: parameters are set");
  }
  Array gradients() const {
    Array all;
    for (std::size_t i = 0; i < model.parameters().entries().size(); ++i) {
      auto const g = to_array(model.parameters().gradient(i));
      all.data.insert(all.data.end(), g.data.begin(), g.data.end());
    }
    all.shape = {all.size()};
    return all;
  }
};

/// Straight from the definition: features and logits of each image.
struct MlpOracle {
  Array features, logits;
  MlpOracle(models::MlpConfig const& c, Array const& parameters, Array const& images)
      : features({images.extent(0), c.dim}), logits({images.extent(0), c.classes}) {
    double const* const w1 = parameters.data.data();
    double const *const weight = w1 + c.hidden * c.pixels(), *const bias = weight + c.hidden,
                        *const w2 = bias + c.hidden, *const b2 = w2 + c.dim * c.hidden, *const w3 = b2 + c.dim,
                        *const b3 = w3 + c.classes * c.dim;
    for (std::size_t b = 0; b < images.extent(0); ++b) {
      std::vector<double> h(c.hidden);
      double mean = 0, variance = 0;
      for (std::size_t i = 0; i < c.hidden; ++i) {
        for (std::size_t p = 0; p < c.pixels(); ++p) h[i] += w1[i * c.pixels() + p] * images.data[b * c.pixels() + p];
        mean += h[i] / static_cast<double>(c.hidden);
      }
      for (double const x : h) variance += (x - mean) * (x - mean) / static_cast<double>(c.hidden);
      for (std::size_t i = 0; i < c.hidden; ++i)
        h[i] = std::max(0.0, weight[i] * (h[i] - mean) / std::sqrt(variance + c.norm_eps) + bias[i]);
      for (std::size_t j = 0; j < c.dim; ++j) {
        features(b, j) = b2[j];
        for (std::size_t i = 0; i < c.hidden; ++i) features(b, j) += w2[j * c.hidden + i] * h[i];
      }
      for (std::size_t k = 0; k < c.classes; ++k) {
        logits(b, k) = b3[k];
        for (std::size_t j = 0; j < c.dim; ++j) logits(b, k) += w3[k * c.dim + j] * features(b, j);
      }
    }
  }
};

models::MlpConfig small_mlp() {
  return {.image_size = {2, 3}, .channels = 2, .hidden = 9, .dim = 5, .classes = 3};
}

template <class Scalar>
struct MlpTest : ::testing::Test {};
SCALAR_TESTS(MlpTest, Scalars);

SCALAR_TEST(MlpTest, MatchesPlainLoopsAndItsDerivatives) {
  using T = TypeParam;
  auto const c = small_mlp();
  std::size_t const batch = 7;
  MlpRun<T> run(c, batch);
  Array const parameters = filled(1, {run.model.parameters().count()}), images = filled(2, {batch, 2, 2, 3});
  run.set(parameters);
  auto const pixels = to_view<TestSpace, T, 4>(images);
  run.model.forward(run.space, pixels, run.state, run.work);
  MlpOracle const expected(c, parameters, images);
  double const close = std::is_same_v<T, float> ? 1e-5 : 1e-13;
  EXPECT_LE(worst_error(to_array(run.state.head_input), expected.features), close);
  EXPECT_LE(worst_error(to_array(run.state.logits), expected.logits), close);

  // The derivative of <w, logits>, and of <w, features>, where the head has none.
  for (bool const head : {true, false}) {
    SCOPED_TRACE(head);
    for (auto const& s : run.model.parameters().segments()) fill(run.space, s.gradient, T(0));
    Array const w = filled(3, {batch, head ? c.classes : c.dim});
    auto const dw = to_view<TestSpace, T, 2>(w);
    std::vector<ParameterRange> ranges;
    auto const ready = [&](ParameterRange r) { ranges.push_back(r); };
    if (head) {
      run.model.backward(run.space, dw, run.state, run.work, ready);
    } else {
      run.model.backward_features(run.space, dw, run.state, run.work, ready);
    }
    auto const loss = [&](Array const& p) {
      MlpOracle const o(c, p, images);
      return dot(w, head ? o.logits : o.features);
    };
    EXPECT_LE(gradient_error(loss, parameters, run.gradients(), 1e-5), (std::is_same_v<T, float> ? 1e-4 : 1e-7));
    EXPECT_EQ(ranges.size(), 2u);
  }
}

SCALAR_TEST(MlpTest, ConfigurationsGoThroughFilesAndAreChecked) {
  auto c = small_mlp();
  EXPECT_EQ(models::MlpConfig::from(c.configuration()), c);
  c.mcr2 = Mcr2Objective{.eps_squared = 0.25, .frobenius = 0.01};
  EXPECT_EQ(models::MlpConfig::from(c.configuration()), c);
  c.mcr2->eps_squared = 0;
  EXPECT_ERROR(ValueError, "eps_squared = 0", c.validate());
  c = small_mlp();
  c.hidden = 0;
  EXPECT_ERROR(ValueError, "hidden = 0, but it must be positive", c.validate());
  auto stored = small_mlp().configuration();
  stored.set("objective", "mcr3");
  EXPECT_ERROR(ValueError, "must be cross_entropy or mcr2", models::MlpConfig::from(stored));
}

}  // namespace
}  // namespace krate::testing
