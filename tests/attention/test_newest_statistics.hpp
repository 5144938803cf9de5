// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Token statistics of the newest token, one after the other, are the rows of causal token statistics.
#pragma once

#include "attention/tssa_run.hpp"
#include "krate/attention/newest_statistics.hpp"

namespace krate::testing {
namespace {

template <class T>
Array one_after_the_other(StatisticsProblem const& problem) {
  TestSpace const space;
  std::size_t const batch = problem.w.extent(0), n = problem.w.extent(1), columns = problem.w.extent(2),
                    heads = problem.temperature.size();
  auto const cut = [&](auto& work) { return StatisticsSoFar<TestSpace, T>::cut(work, batch, heads, columns); };
  Arena<TestSpace> const arena(space, measure<TestSpace>(cut));
  auto const bytes = arena.workspace().template take<unsigned char>(arena.bytes());
  Kokkos::deep_copy(bytes, 0xff);  // not numbers: position 0 does not read them
  auto work = arena.workspace();
  auto const sums = cut(work);
  auto const temperature = to_view<TestSpace, T, 1>(problem.temperature);
  auto const bias = to_view<TestSpace, T, 2>(problem.bias);
  Array all({batch, n, columns});
  for (std::size_t t = 0; t < n; ++t) {
    Array w({batch, columns});
    for (std::size_t i = 0; i < w.size(); ++i) w.data[i] = problem.w(i / columns, t, i % columns);
    Guarded<TestSpace, T, 2> out(batch, columns);
    attend_newest_statistics(space, to_view<TestSpace, T, 2>(w), temperature, bias, t, sums, out.view());
    space.fence("krate::test");
    EXPECT_TRUE(out.intact());
    Array const row = out.array();
    for (std::size_t i = 0; i < row.size(); ++i) all(i / columns, t, i % columns) = row.data[i];
  }
  return all;
}

template <class Scalar>
struct NewestStatisticsTest : ::testing::Test {};
SCALAR_TESTS(NewestStatisticsTest, Scalars);

SCALAR_TEST(NewestStatisticsTest, IsTheRowOfCausalTokenStatistics) {
  using T = TypeParam;
  for (auto const& [heads, p] : {std::pair<std::size_t, std::size_t>{1, 1}, {3, 5}, {2, 16}, {4, 33}})
    for (bool const biased : {true, false}) {
      auto problem = in<T>(StatisticsProblem::of(2, 19, heads, p, true));
      if (!biased) problem.bias = Array({0, 0});
      Array const found = one_after_the_other<T>(problem);
      EXPECT_LE(worst_error(found, problem.oracle()), tolerance<T>(19 * p)) << heads << " heads of " << p;
      EXPECT_EQ(one_after_the_other<T>(problem).data, found.data);
    }
}

SCALAR_TEST(NewestStatisticsTest, SaysWhatIsWrong) {
  using T = TypeParam;
  TestSpace const space;
  auto const w = to_view<TestSpace, T, 2>(Array({2, 6})), out = to_view<TestSpace, T, 2>(Array({2, 6}));
  auto const bias = to_view<TestSpace, T, 2>(Array({3, 4}));
  auto const cut = [&](auto& work) { return StatisticsSoFar<TestSpace, T>::cut(work, 2, 3, 6); };
  Arena<TestSpace> const arena(space, measure<TestSpace>(cut));
  auto work = arena.workspace();
  auto const sums = cut(work);
  auto const call = [&](std::size_t heads, std::size_t position) {
    attend_newest_statistics(space, w, to_view<TestSpace, T, 1>(Array({heads})), bias, position, sums, out);
  };
  EXPECT_ERROR(ValueError, "krate::attend_newest_statistics: heads = 4, but it must divide", call(4, 0));
  EXPECT_ERROR(ValueError, "position = 4, but it must be one that the bias", call(3, 4));
  EXPECT_ERROR(ShapeError, "position_bias has shape [3, 4], expected [2, 4]", call(2, 0));
  auto const temperature = to_view<TestSpace, T, 1>(Array({3}));
  expect_good_conduct(space, [&] { attend_newest_statistics(space, w, temperature, bias, 0, sums, out); });
}

}  // namespace
}  // namespace krate::testing
