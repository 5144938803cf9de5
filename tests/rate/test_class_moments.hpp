// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/rate/class_moments.hpp"
#include "rate/runs.hpp"

namespace {

/// Class `classes - 1` has no samples.
inline std::vector<int> moment_labels(std::size_t n, int classes) {
  std::vector<int> labels(n);
  for (std::size_t i = 0; i < n; ++i) labels[i] = static_cast<int>(i * i + i / 3) % std::max(classes - 1, 1);
  return labels;
}

inline std::vector<double> numbers_of(krate::RateReduction const& r) {
  std::vector<double> all{static_cast<double>(r.samples), r.rate, r.rate_classes, r.rate_reduction};
  for (auto const& c : r.per_class) all.insert(all.end(), {static_cast<double>(c.samples), c.rate});
  return all;
}
inline void expect_close(krate::RateReduction const& a, krate::RateReduction const& b, double tolerance) {
  auto const x = numbers_of(a), y = numbers_of(b);
  ASSERT_EQ(x.size(), y.size());
  for (std::size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(x[i], y[i], tolerance * std::max(1.0, a.rate)) << i;
}

/// By one call of coding_rate() and class_coding_rate().
template <class T>
krate::RateReduction in_one_go(Array const& z, std::vector<int> const& labels, std::size_t classes, double eps2) {
  krate::RateReduction r;
  r.samples = static_cast<std::int64_t>(z.extent(0));
  r.rate = run_rate_value<T>(z, {.eps_squared = eps2});
  auto const parts = run_class_rate<T>(z, labels, {eps2, classes}, Layout::right, false);
  r.rate_classes = parts.rate;
  r.rate_reduction = r.rate - r.rate_classes;
  for (std::size_t k = 0; k < classes; ++k)
    r.per_class.push_back({std::count(labels.begin(), labels.end(), static_cast<int>(k)), parts.per_class(k)});
  return r;
}

template <class T>
struct ClassMomentsTest : ::testing::Test {
  using Moments = krate::ClassMoments<TestSpace>;
  TestSpace space;

  Moments make(std::size_t dim, std::size_t classes, krate::Route route = krate::Route::automatic) const {
    return Moments(space, {}, {dim, classes, route});
  }
  void add(Moments& moments, Array const& z, std::vector<int> const& labels, std::size_t begin, std::size_t count,
           Layout layout = Layout::right) const {
    std::size_t const d = z.extent(1);
    auto const first = z.data.begin() + static_cast<std::ptrdiff_t>(begin * d);
    Array const part({count, d}, std::vector<double>(first, first + static_cast<std::ptrdiff_t>(count * d)));
    moments.add(space, laid_out<T>(part, layout),
                label_view({labels.begin() + static_cast<std::ptrdiff_t>(begin),
                            labels.begin() + static_cast<std::ptrdiff_t>(begin + count)}));
  }
  Moments of(Array const& z, std::vector<int> const& labels, std::size_t classes) const {
    auto moments = make(z.extent(1), classes);
    add(moments, z, labels, 0, z.extent(0));
    return moments;
  }
};
SCALAR_TESTS(ClassMomentsTest, krate::testing::Scalars);

SCALAR_TEST(ClassMomentsTest, MatchesPlainLoopsInEveryLayout) {
  using T = TypeParam;
  struct Size {
    std::size_t n, d;
    int classes;
  };
  // One sample, one feature, classes shorter than wide, several tiles, several pieces, many classes.
  for (Size const& s : {Size{1, 1, 1}, Size{3, 5, 2}, Size{40, 6, 4}, Size{9, 1, 3}, Size{60, 150, 3}, Size{2500, 4, 3},
                        Size{330, 7, 50}})
    for (auto const route : {krate::Route::automatic, krate::Route::portable})
      for (Layout const layout : all_layouts) {
        if (s.d > 100 && layout != Layout::left) continue;  // plain loops are slow
        Array const z = rounded<T>(filled(1, {s.n, s.d}));
        auto const labels = moment_labels(s.n, s.classes);
        auto moments = this->make(s.d, static_cast<std::size_t>(s.classes), route);
        this->add(moments, z, labels, 0, s.n, layout);
        auto const found = moments.result(this->space, 0.2);
        double const whole = oracle_rate(z, alpha_of(z, 0.2));
        double of_classes = 0;
        for (int k = 0; k < s.classes; ++k) {
          Array const part = rows_of_class(z, labels, k);
          double const rate = part.extent(0) ? oracle_rate(part, alpha_of(part, 0.2)) : 0;
          auto const& its = found.per_class[static_cast<std::size_t>(k)];
          ASSERT_EQ(its.samples, static_cast<std::int64_t>(part.extent(0)));
          ASSERT_NEAR(its.rate, rate, 1e-12 * std::max(1.0, rate)) << s.n << " " << s.d << " " << k;
          of_classes += static_cast<double>(part.extent(0)) / static_cast<double>(s.n) * rate;
        }
        ASSERT_EQ(found.samples, static_cast<std::int64_t>(s.n));
        ASSERT_NEAR(found.rate, whole, 1e-12 * std::max(1.0, whole));
        ASSERT_NEAR(found.rate_classes, of_classes, 1e-12 * std::max(1.0, whole));
        ASSERT_EQ(found.rate_reduction, found.rate - found.rate_classes);
      }
}

SCALAR_TEST(ClassMomentsTest, SplitsMergesAndOrderDoNotMatter) {
  using T = TypeParam;
  Array const z = rounded<T>(filled(2, {1501, 9}));
  auto const labels = moment_labels(1501, 5);
  auto const expected = in_one_go<T>(z, labels, 5, 0.1);
  expect_close(this->of(z, labels, 5).result(this->space, 0.1), expected, 1e-13);

  auto pieces = this->make(9, 5), other = this->make(9, 5);
  std::size_t begin = 0;
  for (std::size_t const count : {1, 0, 7, 1093, 400}) {
    this->add(begin % 2 ? pieces : other, z, labels, begin, count);
    begin += count;
  }
  pieces.merge(this->space, other);
  pieces.merge(this->space, this->make(9, 5));
  expect_close(pieces.result(this->space, 0.1), expected, 1e-13);

  Array const reordered = permuted_rows(z);
  std::vector<int> relabelled(1501);
  for (std::size_t i = 0; i < 1501; ++i) relabelled[i] = 4 - labels[(i * 7 + 3) % 1501];
  auto permuted = this->of(reordered, relabelled, 5).result(this->space, 0.1);
  std::reverse(permuted.per_class.begin(), permuted.per_class.end());
  expect_close(permuted, expected, 1e-13);
}

SCALAR_TEST(ClassMomentsTest, ClassesAreFactoredInGroups) {  // more than a group holds
  using T = TypeParam;
  Array const z = rounded<T>(filled(3, {90, 600}));
  auto const labels = moment_labels(90, 13);
  double const tolerance = std::is_same_v<T, float> ? 1e-6 : 1e-13;  // in one go wide float has products in float
  expect_close(this->of(z, labels, 13).result(this->space, 0.5), in_one_go<T>(z, labels, 13, 0.5), tolerance);
}

SCALAR_TEST(ClassMomentsTest, TinyRatesKeepTheirDigits) {
  using T = TypeParam;
  Array z = rounded<T>(filled(4, {50, 4}));
  for (double& x : z.data) x = static_cast<T>(1e-9 * x);
  auto const found = this->of(z, moment_labels(50, 3), 3).result(this->space, 0.5);
  double trace = 0;
  for (double const x : z.data) trace += x * x;
  double const expected = 0.5 * alpha_of(z, 0.5) * trace;  // to first order, which is all here
  EXPECT_NEAR(found.rate, expected, 1e-12 * expected);
  EXPECT_GE(found.per_class[0].rate, 0);
}

SCALAR_TEST(ClassMomentsTest, RoundingThatSpoilsAFactorizationGivesARateNearby) {
  using T = TypeParam;
  Array z = rounded<T>(filled(6, {40, 5}));
  double squares = 0;
  for (std::size_t i = 0; i < 40; ++i)
    for (std::size_t j = 5; j-- > 0;) {  // of rank one
      z(i, j) = static_cast<T>(static_cast<T>(1e9) * static_cast<T>(z(i, 0)));
      squares += z(i, j) * z(i, j);
    }
  auto const found = this->of(z, moment_labels(40, 3), 3).result(this->space, 0.1);
  auto const expected = in_one_go<T>(z, moment_labels(40, 3), 3, 0.1);  // from the samples, not from moments
  double const noise = 100 * std::numeric_limits<double>::epsilon() * alpha_of(z, 0.1) * squares;
  EXPECT_GE(found.rate, expected.rate * (1 - 1e-12));
  EXPECT_LE(found.rate, expected.rate + 2 * std::log1p(noise));  // in the four directions that are empty
  for (auto const& its : found.per_class) EXPECT_GE(its.rate, 0);
}

SCALAR_TEST(ClassMomentsTest, NoSamplesRateZero) {
  auto moments = this->make(4, 3);
  for (int again = 0; again < 2; ++again) {
    for (double const x : numbers_of(moments.result(this->space, 0.1))) EXPECT_EQ(x, 0);
    this->add(moments, Array({0, 4}), {}, 0, 0);
    moments.reset(this->space);
  }
}

SCALAR_TEST(ClassMomentsTest, RepeatsTheBitsForAnyNumberOfThreads) {
  using T = TypeParam;
  Array const z = rounded<T>(filled(5, {700, 33}));
  auto const labels = moment_labels(700, 4);
  auto first = this->of(z, labels, 4);
  auto const expected = numbers_of(first.result(this->space, 0.1));
  EXPECT_EQ(numbers_of(first.result(this->space, 0.1)), expected);
  EXPECT_EQ(numbers_of(this->of(z, labels, 4).result(this->space, 0.1)), expected);
  TestSpace const alone = one_thread();
  auto second = this->make(33, 4);
  second.add(alone, view<T, 2>(z), label_view(labels));
  EXPECT_EQ(numbers_of(second.result(alone, 0.1)), expected);
  first.reset(this->space);
  this->add(first, z, labels, 0, 700);
  EXPECT_EQ(numbers_of(first.result(this->space, 0.1)), expected);
}

SCALAR_TEST(ClassMomentsTest, BadLabelsAndNaNsAreReported) {
  Array z = filled(1, {9, 3});
  std::vector<int> labels = moment_labels(9, 4);
  labels[3] = 4;
  labels[7] = -1;
  EXPECT_ERROR(krate::ValueError, "krate::ClassMoments::result: 2 samples have a label outside [0, 4)",
               this->of(z, labels, 4).result(this->space, 0.1));
  labels[3] = labels[7] = 0;
  EXPECT_NO_THROW(this->of(z, labels, 4).result(this->space, 0.1));
  for (double const bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    z(4, 1) = bad;
    EXPECT_ERROR(krate::NumericalError,
                 "krate::ClassMoments::result: class " + std::to_string(labels[4]) + " has a rate that is not a number",
                 this->of(z, labels, 4).result(this->space, 0.1));
  }
}

SCALAR_TEST(ClassMomentsTest, AllocatesInItsConstructorOnly) {
  using T = TypeParam;
  auto moments = this->make(5, 3), other = this->make(5, 3);
  auto const z = view<T, 2>(filled(1, {40, 5}));
  auto const labels = label_view(moment_labels(40, 3));
  moments.add(this->space, z, labels);
  expect_good_conduct(this->space, [&] { moments.add(this->space, z, labels); });
  expect_good_conduct(this->space, [&] { moments.merge(this->space, other); });
  moments.result(this->space, 0.1);
  krate::testing::Recording recording;
  moments.result(this->space, 0.1);
  EXPECT_EQ(recording.count(krate::testing::Event::allocation), 0u);
  EXPECT_EQ(recording.unlabelled(), std::vector<std::string>());
}

SCALAR_TEST(ClassMomentsTest, RefusesWhatDoesNotFit) {
  using T = TypeParam;
  EXPECT_ERROR(krate::ValueError, "krate::ClassMoments: dim = 0, but it must be positive", this->make(0, 1));
  EXPECT_ERROR(krate::ValueError, "krate::ClassMoments: classes = 0, but it must be positive", this->make(1, 0));
  auto moments = this->make(3, 2), wider = this->make(4, 2);
  auto const z = view<T, 2>(filled(1, {4, 3}));
  EXPECT_ERROR(krate::ShapeError, "krate::ClassMoments::add: z has shape [4, 3], expected [4, 4]",
               wider.add(this->space, z, label_view({0, 1, 0, 1})));
  EXPECT_ERROR(krate::ShapeError, "krate::ClassMoments::add: labels has shape [2], expected [4]",
               moments.add(this->space, z, label_view({0, 1})));
  EXPECT_ERROR(krate::ShapeError, "krate::ClassMoments::merge: other has shape [2, 4, 4], expected [2, 3, 3]",
               moments.merge(this->space, wider));
  EXPECT_ERROR(krate::ValueError, "krate::ClassMoments::result: eps_squared = 0, but it must be positive",
               moments.result(this->space, 0));
}

}  // namespace
