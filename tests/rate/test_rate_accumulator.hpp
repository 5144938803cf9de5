// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/rate/rate_accumulator.hpp"
#include "linalg/operands.hpp"
#include "support/rate_oracle.hpp"

namespace {

using krate::testing::rate_tolerance;

template <class T>
struct RateAccumulatorTest : ::testing::Test {
  using Accumulator = krate::RateAccumulator<TestSpace, T>;
  TestSpace space;
  Accumulator make(std::size_t dim, double eps_squared) const {
    return Accumulator(space, {}, {.dim = dim, .eps_squared = eps_squared});
  }
  static Array rows(Array const& z, std::size_t begin, std::size_t count) {
    std::size_t const d = z.extent(1);
    auto const first = z.data.begin() + static_cast<std::ptrdiff_t>(begin * d);
    return Array({count, d}, std::vector<double>(first, first + static_cast<std::ptrdiff_t>(count * d)));
  }
};
SCALAR_TESTS(RateAccumulatorTest, krate::testing::Scalars);

SCALAR_TEST(RateAccumulatorTest, PiecesGiveTheRateOfTheWhole) {
  using T = TypeParam;
  Array const z = rounded<T>(filled(1, {1300, 7}));
  auto rate = this->make(7, 0.1);
  std::size_t begin = 0;
  for (std::size_t const count : {1, 0, 5, 694, 600}) {  // pieces in all layouts, also longer than a chunk
    auto const piece = laid_out<T>(this->rows(z, begin, count), all_layouts[begin % 4]);
    rate.add(this->space, piece);
    begin += count;
  }
  EXPECT_EQ(rate.samples(), 1300);
  double const alpha = alpha_of(z, 0.1), expected = oracle_rate(z, alpha);
  EXPECT_NEAR(rate.result(this->space), expected, 1e-12 * expected);
  Array const whole = oracle_gradient(z, alpha);
  for (std::size_t const count : {1, 13, 14, 1300})  // solves, and the inverse in one or several pieces
    for (Layout const layout : all_layouts) {
      auto const g = laid_out<T>(Array({count, 7}), layout);
      rate.gradient(this->space, laid_out<T>(this->rows(z, 0, count), layout), g);
      EXPECT_LE(worst_error(to_array(g), this->rows(whole, 0, count)), rate_tolerance<T>) << count << int(layout);
    }
}

SCALAR_TEST(RateAccumulatorTest, GoesOnAfterAResultAndStartsAnew) {
  using T = TypeParam;
  Array const z = rounded<T>(filled(1, {30, 4}));
  auto rate = this->make(4, 0.2);
  EXPECT_EQ(rate.result(this->space), 0);
  rate.add(this->space, view<T, 2>(this->rows(z, 0, 10)));
  double const first = rate.result(this->space);
  EXPECT_EQ(rate.result(this->space), first);
  rate.add(this->space, view<T, 2>(this->rows(z, 10, 20)));
  EXPECT_NEAR(rate.result(this->space), oracle_rate(z, alpha_of(z, 0.2)), 1e-12);
  rate.reset(this->space);
  EXPECT_EQ(rate.samples(), 0);
  rate.add(this->space, view<T, 2>(this->rows(z, 0, 10)));
  EXPECT_EQ(rate.result(this->space), first);
}

SCALAR_TEST(RateAccumulatorTest, TakesTheInteriorOfAField) {
  using T = TypeParam;
  Kokkos::View<T**, TestSpace> const u("krate::test::field", 12, 6);
  Array const values = rounded<T>(filled(1, {12, 6}));
  krate::testing::assign(u, values);
  auto const interior = Kokkos::subview(u, Kokkos::pair<int, int>(1, 11), Kokkos::pair<int, int>(1, 5));
  auto rate = this->make(4, 1e-2);
  Guarded<TestSpace, T, 2> g(10, 4);
  rate.add(this->space, interior);
  Array const z = to_array(interior);
  double const expected = oracle_rate(z, alpha_of(z, 1e-2));
  EXPECT_NEAR(rate.result(this->space), expected, 1e-12 * expected);
  rate.gradient(this->space, interior, g.view());
  EXPECT_LE(worst_error(g.array(), oracle_gradient(z, alpha_of(z, 1e-2))), rate_tolerance<T>);
  EXPECT_TRUE(g.intact());
  EXPECT_TRUE(same_bits(to_array(u), values));
}

SCALAR_TEST(RateAccumulatorTest, AllocatesInItsConstructorOnlyAndFencesOnceForTheResult) {
  using T = TypeParam;
  auto rate = this->make(5, 0.1);
  auto const z = view<T, 2>(filled(1, {40, 5}));
  Guarded<TestSpace, T, 2> g(40, 5);
  rate.add(this->space, z);
  rate.result(this->space);
  expect_good_conduct(this->space, [&] { rate.gradient(this->space, z, g.view()); });
  expect_good_conduct(this->space, [&] { rate.add(this->space, z); });
  krate::testing::Recording recording;
  rate.result(this->space);
  EXPECT_EQ(recording.count(krate::testing::Event::allocation), 0u);
  std::size_t fences = 0;
  for (auto const& event : recording.events())
    fences += event.kind == krate::testing::Event::fence && event.label.rfind("krate::", 0) == 0;
  EXPECT_EQ(fences, 1u);
  EXPECT_EQ(recording.unlabelled(), std::vector<std::string>());
}

SCALAR_TEST(RateAccumulatorTest, NaNIsReported) {
  using T = TypeParam;
  Array z = filled(1, {9, 3});
  z(4, 1) = std::numeric_limits<double>::quiet_NaN();
  auto rate = this->make(3, 0.1);
  rate.add(this->space, view<T, 2>(z));
  EXPECT_ERROR(krate::NumericalError, "krate::RateAccumulator::result: column 1 of the samples has a NaN",
               rate.result(this->space));
  EXPECT_ERROR(krate::ValueError, "call result() after the last add()",
               rate.gradient(this->space, view<T, 2>(z), view<T, 2>(z)));
}

SCALAR_TEST(RateAccumulatorTest, OverflowIsReported) {
  if constexpr (std::is_same_v<TypeParam, double>) {
    auto rate = this->make(2, 0.1);
    rate.add(this->space, view<double, 2>(Array({1, 2}, {1, 1e160})));
    EXPECT_ERROR(krate::NumericalError, "column 1 of the samples has a NaN, an infinity or squares that overflow",
                 rate.result(this->space));
    auto fine = this->make(2, 1e-300);
    fine.add(this->space, view<double, 2>(Array({1, 2}, {1, 1e10})));
    EXPECT_ERROR(krate::NumericalError, "the moments overflow where eps_squared divides them",
                 fine.result(this->space));
  }
}

SCALAR_TEST(RateAccumulatorTest, RefusesWhatDoesNotFit) {
  using T = TypeParam;
  EXPECT_ERROR(krate::ValueError, "krate::RateAccumulator: dim = 0, but it must be positive", this->make(0, 1));
  EXPECT_ERROR(krate::ValueError, "krate::RateAccumulator: eps_squared = 0, but it must be positive", this->make(3, 0));
  auto rate = this->make(3, 1);
  auto const z = view<T, 2>(filled(1, {4, 3})), wide = view<T, 2>(filled(1, {4, 5}));
  EXPECT_ERROR(krate::ShapeError, "krate::RateAccumulator::add: z has shape [4, 5], expected [4, 3]",
               rate.add(this->space, wide));
  rate.add(this->space, z);
  EXPECT_ERROR(krate::ValueError,
               "krate::RateAccumulator::gradient: samples = 4, but it changed since the rate was computed",
               rate.gradient(this->space, z, z));
  rate.result(this->space);
  EXPECT_ERROR(krate::ShapeError, "krate::RateAccumulator::gradient: g has shape [4, 5], expected [4, 3]",
               rate.gradient(this->space, z, wide));
}

}  // namespace
