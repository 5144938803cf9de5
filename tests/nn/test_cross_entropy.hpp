// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/nn/cross_entropy.hpp"
#include "support/checks.hpp"

namespace {

using krate::CrossEntropyOptions;
using Labels = std::vector<krate::Label>;

struct EntropyResult {
  double loss;
  std::int64_t correct;
  Array gradient;
};

auto label_view(Labels const& labels) {
  Kokkos::View<krate::Label*, krate::DeviceOf<TestSpace>> v("krate::test::labels", labels.size());
  krate::testing::write_on_host(v, [&](auto const& host) { std::copy(labels.begin(), labels.end(), host.data()); });
  return v;
}

template <class T>
EntropyResult entropy_run(Array const& logits, Labels const& labels, CrossEntropyOptions const& options = {},
                          TestSpace const& space = {}) {
  Bench bench(krate::cross_entropy_workspace(labels.size()));
  auto const z = view<T, 2>(logits);
  auto const y = label_view(labels);
  Guarded<TestSpace, double, 0> loss;
  Guarded<TestSpace, std::int64_t, 0> correct;
  Guarded<TestSpace, T, 2> gradient(logits.extent(0), logits.extent(1));
  krate::cross_entropy(space, z, y, options, bench.work(), loss.view(), correct.view());
  krate::cross_entropy_backward(space, z, y, options, gradient.view());
  space.fence("krate::test");
  EXPECT_TRUE(loss.intact() && correct.intact() && gradient.intact());
  return {loss.array()(0), static_cast<std::int64_t>(correct.array()(0)), gradient.array()};
}

/// Plain loops.
EntropyResult entropy_oracle(Array const& z, Labels const& labels, CrossEntropyOptions const& o) {
  std::size_t const rows = z.extent(0), classes = z.extent(1);
  EntropyResult r{0, 0, Array({rows, classes})};
  for (std::size_t i = 0; i < rows; ++i) {
    double sum = 0;
    std::size_t best = 0;
    for (std::size_t c = 0; c < classes; ++c) {
      sum += std::exp(z(i, c));
      if (z(i, c) > z(i, best)) best = c;
    }
    r.correct += best == static_cast<std::size_t>(labels[i]);
    for (std::size_t c = 0; c < classes; ++c) {
      double const hot = c == static_cast<std::size_t>(labels[i]);
      double const q = (1 - o.label_smoothing) * hot + o.label_smoothing / static_cast<double>(classes);
      r.loss -= o.scale * q * std::log(std::exp(z(i, c)) / sum);
      r.gradient(i, c) = o.scale * (std::exp(z(i, c)) / sum - q);
    }
  }
  return r;
}

Labels labels_for(std::size_t rows, std::size_t classes) {
  Labels labels(rows);
  for (std::size_t i = 0; i < rows; ++i) labels[i] = static_cast<krate::Label>((7 * i + 2) % classes);
  return labels;
}

template <class T>
struct CrossEntropyTest : ::testing::Test {};
SCALAR_TESTS(CrossEntropyTest, krate::testing::Scalars);
template <class T>
struct CrossEntropyDouble : ::testing::Test {};
SCALAR_TESTS(CrossEntropyDouble, krate::testing::OnlyDouble);

SCALAR_TEST(CrossEntropyTest, MatchesHostOracle) {
  for (auto const& [rows, classes] : {std::pair<std::size_t, std::size_t>{7, 10}, {1, 3}, {40, 33}, {5, 1}, {0, 4}}) {
    for (CrossEntropyOptions const o : {CrossEntropyOptions{}, {.label_smoothing = 0.1, .scale = 0.25}}) {
      Array const z = filled(60, {rows, classes}, 4);
      auto const labels = labels_for(rows, classes);
      auto const found = entropy_run<TypeParam>(z, labels, o), expected = entropy_oracle(z, labels, o);
      EXPECT_NEAR(found.loss, expected.loss, tolerance<TypeParam>(classes) * std::max(1.0, expected.loss));
      EXPECT_EQ(found.correct, expected.correct);
      // With one class the gradient is zero.
      double const scale = classes > 1 ? 1 : 1e-30;
      EXPECT_LE(worst_error(found.gradient, expected.gradient) * scale, tolerance<TypeParam>(classes));
    }
  }
}

SCALAR_TEST(CrossEntropyTest, ClosedForms) {
  auto const equal = entropy_run<TypeParam>(Array({2, 8}), {3, 0}, {.label_smoothing = 0.3});
  EXPECT_NEAR(equal.loss, 2 * std::log(8.0), tolerance<TypeParam>(8));
  EXPECT_EQ(equal.correct, 1);  // the first maximum counts
  Array sure({1, 2});
  sure.data = {0, std::log(3.0)};
  auto const one = entropy_run<TypeParam>(sure, {1});
  EXPECT_NEAR(one.loss, std::log(4.0 / 3), tolerance<TypeParam>(1));
  EXPECT_NEAR(one.gradient(0, 0), 0.25, tolerance<TypeParam>(1));
  EXPECT_NEAR(one.gradient(0, 1), -0.25, tolerance<TypeParam>(1));
}

SCALAR_TEST(CrossEntropyTest, LargeLogitsAreHarmlessAndShiftsChangeNothing) {
  Array z = filled(61, {4, 5}, 3);
  auto const labels = labels_for(4, 5);
  auto const base = entropy_run<TypeParam>(z, labels);
  for (double& v : z.data) v += 8192;
  auto const shifted = entropy_run<TypeParam>(z, labels);
  EXPECT_NEAR(shifted.loss, base.loss, 8192 * tolerance<TypeParam>(1));
  Array far({1, 2});
  far.data = {-30000, 30000};
  auto const wrong = entropy_run<TypeParam>(far, {0});
  EXPECT_EQ(wrong.loss, 60000);
  EXPECT_EQ(wrong.gradient.data, (std::vector<double>{-1, 1}));
  far.data = {-std::numeric_limits<double>::infinity(), 1};
  EXPECT_EQ(entropy_run<TypeParam>(far, {1}).loss, 0);  // a class that is ruled out
}

SCALAR_TEST(CrossEntropyTest, FaultsShow) {
  Array z = filled(62, {3, 4});
  for (krate::Label const label : {-1, 4, -100}) {
    auto const r = entropy_run<TypeParam>(z, {0, label, 1});
    EXPECT_TRUE(std::isnan(r.loss));
    EXPECT_TRUE(std::isnan(r.gradient(1, 0)));
    EXPECT_TRUE(std::isfinite(r.gradient(2, 3)));
    EXPECT_LE(r.correct, 2);
  }
  z(1, 2) = std::numeric_limits<double>::quiet_NaN();
  auto const r = entropy_run<TypeParam>(z, {0, 2, 1});
  EXPECT_TRUE(std::isnan(r.loss) && std::isnan(r.gradient(1, 0)));
}

SCALAR_TEST(CrossEntropyTest, IgnoredRowsHaveNoPart) {
  Array const z = filled(65, {5, 4}, 2), kept({2, 4}, {z.data.begin() + 4, z.data.begin() + 12});
  CrossEntropyOptions const o{.label_smoothing = 0.1, .scale = 0.5, .ignore_negative = true};
  auto const found = entropy_run<TypeParam>(z, {-1, 2, 0, -100, -1}, o),
             expected = entropy_run<TypeParam>(kept, {2, 0}, o);
  EXPECT_EQ(found.loss, expected.loss);
  EXPECT_EQ(found.correct, expected.correct);
  for (std::size_t c = 0; c < 4; ++c) {
    EXPECT_EQ(found.gradient(0, c), 0);
    EXPECT_EQ(found.gradient(3, c), 0);
    EXPECT_EQ(found.gradient(1, c), expected.gradient(0, c));
    EXPECT_EQ(found.gradient(2, c), expected.gradient(1, c));
  }
  EXPECT_TRUE(std::isnan(entropy_run<TypeParam>(z, {-1, 2, 4, 0, 0}, o).loss));  // too large is no padding
}

SCALAR_TEST(CrossEntropyDouble, GradientByFivePoints) {
  Array const z = filled(63, {4, 6}, 2);
  CrossEntropyOptions const o{.label_smoothing = 0.1, .scale = 0.25};
  auto const labels = labels_for(4, 6);
  auto const loss = [&](Array const& v) { return entropy_run<double>(v, labels, o).loss; };
  EXPECT_LE(krate::testing::gradient_error(loss, z, entropy_run<double>(z, labels, o).gradient), 1e-9);
}

SCALAR_TEST(CrossEntropyDouble, PartsOfABatchAddUp) {
  Array const z = filled(64, {5, 3}, 2);
  Labels const labels = labels_for(5, 3);
  CrossEntropyOptions const o{.label_smoothing = 0.1, .scale = 0.2};
  auto const whole = entropy_run<double>(z, labels, o);
  Array const head({2, 3}, {z.data.begin(), z.data.begin() + 6}), tail({3, 3}, {z.data.begin() + 6, z.data.end()});
  auto const a = entropy_run<double>(head, {labels.begin(), labels.begin() + 2}, o);
  auto const b = entropy_run<double>(tail, {labels.begin() + 2, labels.end()}, o);
  auto const none = entropy_run<double>(Array({0, 3}), {}, o);
  EXPECT_NEAR(a.loss + b.loss + none.loss, whole.loss, 1e-14);
  EXPECT_EQ(a.correct + b.correct + none.correct, whole.correct);
  EXPECT_EQ(none.loss, 0);
}

SCALAR_TEST(CrossEntropyTest, GradientInPlaceAndRepeats) {
  using T = TypeParam;
  Array const z = filled(65, {71, 19}, 3);
  auto const labels = labels_for(71, 19);
  auto const one = entropy_run<T>(z, labels), two = entropy_run<T>(z, labels, {}, one_thread());
  EXPECT_EQ(one.loss, two.loss);
  EXPECT_TRUE(same_bits(one.gradient, two.gradient));
  auto const in_place = view<T, 2>(z);
  krate::cross_entropy_backward(TestSpace(), in_place, label_view(labels), {}, in_place);
  EXPECT_TRUE(same_bits(to_array(in_place), one.gradient));
}

SCALAR_TEST(CrossEntropyTest, SaysWhatIsWrongAndConduct) {
  using T = TypeParam;
  Bench bench(krate::cross_entropy_workspace(3));
  auto const z = view<T, 2>(filled(66, {3, 4})), g = view<T, 2>(Array({3, 4})), small = view<T, 2>(Array({3, 3}));
  auto const labels = label_view({0, 1, 2}), two = label_view({0, 1});
  Scalar0<double> const loss("krate::test::loss");
  Scalar0<std::int64_t> const correct("krate::test::correct");
  EXPECT_ERROR(krate::ShapeError, "krate::cross_entropy: labels has shape [2], expected [3]",
               krate::cross_entropy(bench.space, z, two, {}, bench.work(), loss, correct));
  EXPECT_ERROR(krate::ValueError, "label_smoothing = 1.5, but it must lie in [0, 1]",
               krate::cross_entropy(bench.space, z, labels, {.label_smoothing = 1.5}, bench.work(), loss, correct));
  EXPECT_ERROR(krate::ValueError, "more bytes are needed",
               krate::cross_entropy(bench.space, z, labels, {}, krate::Workspace<TestSpace>(), loss, correct));
  EXPECT_ERROR(krate::ShapeError, "krate::cross_entropy_backward: dlogits has shape [3, 3], expected [3, 4]",
               krate::cross_entropy_backward(bench.space, z, labels, {}, small));
  expect_good_conduct(bench.space,
                      [&] { krate::cross_entropy(bench.space, z, labels, {}, bench.work(), loss, correct); });
  expect_good_conduct(bench.space, [&] { krate::cross_entropy_backward(bench.space, z, labels, {}, g); });
}

}  // namespace
