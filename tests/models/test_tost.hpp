// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>

#include "krate/models/tost.hpp"
#include "models/reference_curves.hpp"

namespace krate::testing {
namespace {

char const* const tost_file = "tost.h5";

template <class T>
using TostRun = ReferenceRun<TestSpace, T, models::Tost>;

template <class Scalar>
struct TostReference : ::testing::Test {};
SCALAR_TESTS(TostReference, Scalars);

/// Names of parameters that are trained, and of what batch norm collects.
template <class Run>
std::vector<std::size_t> learned(Run const& run) {
  auto const collected = run.model.collected();
  std::vector<std::size_t> all;
  for (std::size_t i = 0; i < run.model.parameters().entries().size(); ++i)
    if (std::find(collected.begin(), collected.end(), i) == collected.end()) all.push_back(i);
  return all;
}
template <class Run>
void expect_collected(Run const& run, std::string const& group, double bound) {
  for (auto const i : run.model.collected()) {
    auto const& name = run.model.official_names()[i];
    EXPECT_LE(worst_error(to_array(run.model.parameters().value(i)), read_array(run.file, group + "/" + name)), bound)
        << name;
  }
}

SCALAR_TEST(TostReference, OutputsAndEveryIntermediateAgree) {
  using T = TypeParam;
  TostRun<T> run(tost_file);
  auto const compare = [&](auto const& view, std::string const& path) {
    Array const wanted = read_array(run.file, path);
    EXPECT_LE(worst_error(to_array(view).reshaped(wanted.shape), wanted), ReferenceBound<T>::output) << path;
  };
  std::size_t seen = 0;
  double const loss = run.forward([&](models::BlockView<TestSpace, T> const& block) {
    std::string const at = "/intermediate/block_" + std::to_string(block.index);
    if (block.index == 0) compare(block.input, "/intermediate/embedding");
    compare(block.residual, at + "/residual");
    compare(block.tokens, at + "/tokens");
    ++seen;
  });
  EXPECT_EQ(seen, run.model.config().depth);
  compare(run.state.embedding.code, "/intermediate/position_code");
  for (std::size_t i = 0; i < run.model.config().depth; ++i) {
    auto const& saved = run.state.stack.saved[i];
    std::string const at = "/intermediate/block_" + std::to_string(i);
    compare(saved.attended, at + "/attention");
    compare(saved.tssa.statistics.membership, at + "/membership");
  }
  for (std::size_t i = 0; i < run.model.config().class_layers; ++i)
    compare(run.state.class_attention.tokens[i + 1], "/intermediate/class_block_" + std::to_string(i) + "/tokens");
  compare(run.state.head_input, "/intermediate/head_input");
  compare(run.state.logits, "/output/logits");
  double const expected = read_array(run.file, "/output/loss").data[0];
  EXPECT_LE(std::abs(loss - expected), ReferenceBound<T>::loss * std::abs(expected));
  expect_collected(run, "/buffers_after", ReferenceBound<T>::output);
}

SCALAR_TEST(TostReference, InferenceUsesWhatTrainingCollected) {
  using T = TypeParam;
  TostRun<T> run(tost_file, models::Pass::inference);
  run.forward();
  EXPECT_LE(worst_error(to_array(run.state.logits), read_array(run.file, "/output/logits_eval")),
            ReferenceBound<T>::output);
  expect_collected(run, "/params", 1e-15);
}

SCALAR_TEST(TostReference, EveryGradientAgrees) {
  using T = TypeParam;
  constexpr double bound = ReferenceBound<T>::gradient;
  TostRun<T> run(tost_file);
  run.forward();
  auto const& im = run.images;
  Guarded<TestSpace, T, 4> dimages(im.extent(0), im.extent(1), im.extent(2), im.extent(3));
  std::vector<ParameterRange> ready;
  run.backward(dimages.view(), [&](ParameterRange r) { ready.push_back(r); });
  EXPECT_TRUE(dimages.intact());
  EXPECT_LE(worst_error(dimages.array(), read_array(run.file, "/grads/input")), bound);
  auto const& list = run.model.parameters();
  double squares = 0;
  for (auto const i : learned(run)) {
    Array const found = to_array(list.gradient(i));
    squares += dot(found, found);
    EXPECT_LE(worst_error(found, read_array(run.file, "/grads/" + run.model.official_names()[i])), bound)
        << list.entries()[i].name;
  }
  for (auto const i : run.model.collected()) EXPECT_EQ(dot(to_array(list.gradient(i)), to_array(list.gradient(i))), 0);
  double const norm = read_array(run.file, "/output/grad_norm").data[0];
  EXPECT_LE(std::abs(std::sqrt(squares) - norm), bound * norm);
  std::size_t end = list.length();
  for (auto const& r : ready) {
    EXPECT_EQ(r.end, end);
    end = r.begin;
  }
  EXPECT_EQ(end, 0u);
}

SCALAR_TEST(TostReference, TenStepsOfAdamWAndLionFollowTheCurves) {
  if (!std::is_same_v<TypeParam, double>) return;  // parameters after ten steps are not comparable in float
  for (std::string const optimizer : {"adamw", "lion"}) {
    SCOPED_TRACE(optimizer);
    using T = TypeParam;
    TostRun<T> run(tost_file);
    std::string const at = "/curves/" + optimizer;
    take_reference_steps(run, optimizer);
    expect_collected(run, at + "/buffers_after", 1e-8);
    double const last = read_array(run.file, at + "/loss")(10);
    EXPECT_NEAR(run.forward(), last, 1e-8 * last) << "after the last step";
    auto const& list = run.model.parameters();
    for (auto const i : learned(run)) {
      auto const& name = run.model.official_names()[i];
      Array found = to_array(list.value(i)), expected = read_array(run.file, at + "/params_after/" + name);
      if (run.file.exists(at + "/undetermined/" + name)) {
        Array const undetermined = read_array(run.file, at + "/undetermined/" + name);
        for (std::size_t k = 0; k < found.size(); ++k)
          if (undetermined.data[k] != 0) found.data[k] = expected.data[k];
      }
      EXPECT_LE(worst_error(found, expected), 1e-8) << list.entries()[i].name;
      bool const decayed = run.file.attributes(at + "/params_after/" + name).template get<std::int64_t>("decayed") != 0;
      EXPECT_EQ(list.entries()[i].decay, decayed) << name;
    }
  }
}

SCALAR_TEST(TostReference, RecomputingChangesNoBit) {
  TostRun<TypeParam> whole(tost_file), less(tost_file, models::Pass::recompute);
  EXPECT_EQ(whole.forward(), less.forward());
  whole.backward();
  less.backward();
  auto const &expected = whole.model.parameters(), &found = less.model.parameters();
  for (std::size_t i = 0; i < expected.entries().size(); ++i)
    EXPECT_EQ(to_array(expected.gradient(i)).data, to_array(found.gradient(i)).data) << expected.entries()[i].name;
}

SCALAR_TEST(TostReference, StartsAsTheAuthorsCode) {
  models::Tost<TestSpace, TypeParam> const model(TestSpace{}, {.depth = 2}, Seed{3});
  auto const& list = model.parameters();
  auto const deviation = [&](char const* name) {
    Array const a = to_array(list.value(list.index(name)));
    return std::sqrt(dot(a, a) / static_cast<double>(a.size()));
  };
  EXPECT_NEAR(deviation("blocks/01/tssa/projection/weight"), 0.02, 0.002);
  EXPECT_NEAR(deviation("class_blocks/01/mlp/second/weight"), 0.02, 0.002);
  EXPECT_NEAR(deviation("stem/01/convolution"), 1 / std::sqrt(3.0 * 9 * 32), 0.003);
  EXPECT_NEAR(deviation("positions/weight"), 1 / std::sqrt(3.0 * 64), 0.005);
  EXPECT_EQ(deviation("stem/00/norm/collected_variance"), 1);
  EXPECT_EQ(deviation("blocks/00/scale_mlp"), 1);
  EXPECT_EQ(models::tost_config("small_24_p16").scale(), 1e-5);
}

SCALAR_TEST(TostReference, ParameterCountsAreTheOfficialOnes) {
  // tests/data/parameter_counts.json, models.tost.*.total and buffers less one counter a batch norm
  struct {
    char const* size;
    std::size_t count;
  } const official[] = {{"tiny_12_p16", 5769328},   {"tiny_12_p8", 5759560},     {"small_12_p16", 22589944},
                        {"small_12_p8", 22549672},  {"tiny_24_p16", 10223008},   {"tiny_24_p8", 10213240},
                        {"small_24_p16", 40344664}, {"small_24_p8", 40304392},   {"medium_24_p16", 71481064},
                        {"medium_24_p8", 71408936}, {"large_24_p16", 160286920}, {"large_24_p8", 160123432}};
  for (auto const& o : official) {
    auto const table = models::Tost<TestSpace, TypeParam>::parameter_table(models::tost_config(o.size));
    std::size_t count = 0, collected = 0;
    for (auto const& spec : table.specs())
      (spec.name.find("collected") == std::string::npos ? count : collected) += Array::count(spec.shape);
    EXPECT_EQ(count, o.count) << o.size;
    if (o.size == std::string("tiny_12_p16")) {
      EXPECT_EQ(collected, 724u - 4u);
    }
  }
}

SCALAR_TEST(TostReference, ConfigurationsThatCannotWorkAreExplained) {
  using M = models::Tost<TestSpace, TypeParam>;
  TestSpace space;
  EXPECT_ERROR(ValueError, "heads = 5, but it must divide dim = 64", M(space, {.heads = 5}));
  EXPECT_ERROR(ValueError, "patch_size = 3, but it must be 2, 4, 8 or 16", M(space, {.patch_size = 3}));
  EXPECT_ERROR(ValueError, "patch_size = 4, but it must divide", M(space, {.image_size = 10}));
  EXPECT_ERROR(ValueError, "dim = 3, but it must be a multiple of 2", M(space, {.dim = 3, .heads = 1}));
  EXPECT_ERROR(ValueError, "there is no size named tiny_12", models::tost_config("tiny_12"));
  auto stored = models::tost_config("tiny_12_p8").configuration();
  EXPECT_EQ(models::TostConfig::from(stored).configuration(), stored);
  stored.set("drop_path", 0.1);
  EXPECT_ERROR(ValueError, "drop_path = 0.1, but it must be 0", models::TostConfig::from(stored));
}

}  // namespace
}  // namespace krate::testing
