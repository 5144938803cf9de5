// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/optim/layer_rates.hpp"
#include "krate/optim/optimizer.hpp"
#include "optim/problem.hpp"

namespace {

using krate::optim::AdamW;
using krate::optim::layer_rates;
using krate::optim::Lion;
using krate::optim::Rule;

std::vector<krate::ParameterSpec> model_like() {
  return {{.name = "class_token", .shape = {3}},
          {.name = "stem/00/norm", .shape = {4}, .decay = false},
          {.name = "blocks/00/map", .shape = {5, 3}},
          {.name = "blocks/00/bias", .shape = {5}, .decay = false},
          {.name = "blocks/01/map", .shape = {40, 33}},
          {.name = "norm", .shape = {2}, .decay = false},
          {.name = "decoder_blocks/00/map", .shape = {7}},
          {.name = "head/weight", .shape = {2, 2}},
          {.name = "head/bias", .shape = {2}, .decay = false}};
}

template <class T>
krate::ParameterList<TestSpace, T> layered_parameters() {
  return {TestSpace(), model_like()};
}

TEST(LayerRatesOfNames, FallWithTheDistanceFromTheOutput) {
  auto const list = layered_parameters<double>();
  auto const rates = layer_rates(list.entries(), 0.5);
  EXPECT_EQ(rates, (std::vector<double>{0.0625, 0.0625, 0.125, 0.125, 0.25, 1, 0.5, 1, 1}));
  EXPECT_EQ(layer_rates(list.entries(), 1), std::vector<double>(9, 1));
  krate::ParameterList<TestSpace, double> const flat(TestSpace(), {{.name = "a", .shape = {2}}});
  EXPECT_EQ(layer_rates(flat.entries(), 0.5), std::vector<double>{0.5});
}

/// A parameter alone, updated as if it were all there is, with the rate multiplied by hand.
template <class T>
Array one_by_one(Rule const& rule, std::vector<double> const& rates) {
  auto const specs = model_like();
  Array all(std::vector<std::size_t>{layered_parameters<T>().count()});
  std::size_t at = 0;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    krate::ParameterList<TestSpace, T> const list(TestSpace(), {specs[i]});
    krate::optim::OptimizerState<TestSpace, T> const state(TestSpace(), rule, list);
    Kokkos::deep_copy(list.value(0), view<T, 1>(filled(100 + i, {list.entries()[0].size})));
    for (int step = 1; step <= 5; ++step) {
      Kokkos::deep_copy(list.gradient(0), view<T, 1>(filled(200 + 10 * step + i, {list.entries()[0].size})));
      krate::optim::update(TestSpace(), rule, 1e-2 / step * rates[i], step, list, factor<T>(0.5), state);
    }
    for (double const v : to_array(list.value(0)).data) all.data[at++] = v;
  }
  return all;
}

template <class T>
struct LayerRatesUpdate : ::testing::Test {};
SCALAR_TESTS(LayerRatesUpdate, krate::testing::Scalars);

SCALAR_TEST(LayerRatesUpdate, IsThatOfEachParameterAlone) {
  using T = TypeParam;
  for (Rule const& rule : {Rule(AdamW{.weight_decay = 0.5}), Rule(Lion{.weight_decay = 0.5})}) {
    for (double const decay : {1.0, 0.75}) {
      auto const list = layered_parameters<T>();
      krate::optim::OptimizerState<TestSpace, T> const state(TestSpace(), rule, list);
      auto const rates = layer_rates(list.entries(), decay);
      set_values(list, 100);
      for (int step = 1; step <= 5; ++step) {
        set_gradients(list, 200 + 10 * step);
        krate::optim::update(TestSpace(), rule, 1e-2 / step, step, list, factor<T>(0.5), state,
                             krate::optim::Gradients::zero, rates);
      }
      EXPECT_TRUE(same_bits(all_values(list), one_by_one<T>(rule, rates)));
      for (std::size_t i = 0; i < list.entries().size(); ++i)
        for (double const g : to_array(list.gradient(i)).data) EXPECT_EQ(g, 0);
    }
  }
}

SCALAR_TEST(LayerRatesUpdate, ServesAdoptedParameters) {
  using T = TypeParam;
  Rule const rule = AdamW{};
  auto const owned = layered_parameters<T>();
  krate::ParameterList<TestSpace, T> adopted;
  std::vector<Kokkos::View<T*, TestSpace>> views;
  for (auto const& p : owned.entries()) {
    Kokkos::View<T*, TestSpace> const value("value", p.size), gradient("gradient", p.size);
    adopted.adopt(p.name, value, gradient, p.decay);
    views.insert(views.end(), {value, gradient});
  }
  auto const rates = layer_rates(adopted.entries(), 0.5);
  std::vector<Array> results;
  for (auto const* list : {&owned, static_cast<decltype(&owned)>(&adopted)}) {
    krate::optim::OptimizerState<TestSpace, T> const state(TestSpace(), rule, *list);
    set_values(*list, 100);
    set_gradients(*list, 200);
    krate::optim::update(TestSpace(), rule, 0.1, 1, *list, factor<T>(1), state, krate::optim::Gradients::keep, rates);
    results.push_back(all_values(*list));
  }
  EXPECT_TRUE(same_bits(results[0], results[1]));
}

TEST(LayerRatesErrors, SayWhatIsWrong) {
  auto const list = layered_parameters<double>();
  for (double const bad : {0.0, -1.0, 1.5, std::numeric_limits<double>::quiet_NaN()})
    EXPECT_ERROR(krate::ValueError, "krate::optim::layer_rates: decay = ", layer_rates(list.entries(), bad));
  Rule const rule = AdamW{};
  krate::optim::OptimizerState<TestSpace, double> const state(TestSpace(), rule, list);
  std::vector<double> const few(3, 1);
  EXPECT_ERROR(krate::ValueError, "rates.size() = 3, but it must be 0 or the number of parameters",
               krate::optim::update(TestSpace(), rule, 0.1, 1, list, factor<double>(1), state,
                                    krate::optim::Gradients::keep, few));
}

}  // namespace
