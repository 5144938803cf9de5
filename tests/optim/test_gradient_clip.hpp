// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/optim/gradient_clip.hpp"
#include "optim/problem.hpp"

namespace {

using krate::optim::clip_scale;
using krate::optim::gradient_norm;

template <class T>
double norm_of(krate::ParameterList<TestSpace, T> const& list, TestSpace const& space = {}) {
  Bench bench(krate::optim::gradient_norm_workspace());
  Guarded<TestSpace, double, 0> norm;
  gradient_norm(space, list, bench.work(), norm.view());
  space.fence("krate::test");
  EXPECT_TRUE(norm.intact());
  return norm.array()(0);
}
template <class T>
double scale_for(double norm, double max_norm) {
  Guarded<TestSpace, T, 0> scale;
  clip_scale(TestSpace(), factor<double>(norm), max_norm, scale.view());
  EXPECT_TRUE(scale.intact());
  return scale.array()(0);
}

template <class T>
struct GradientClipTest : ::testing::Test {};
SCALAR_TESTS(GradientClipTest, krate::testing::Scalars);

SCALAR_TEST(GradientClipTest, NormMatchesHostOracle) {
  auto const list = some_parameters<TypeParam>();
  set_gradients(list, 210);
  double sum = 0;
  for (std::size_t i = 0; i < list.entries().size(); ++i)
    for (double const g : to_array(list.gradient(i)).data)
      sum += g * g;  // as stored, so that double is the only rounding
  EXPECT_NEAR(norm_of(list), std::sqrt(sum), tolerance<double>(list.count()) * std::sqrt(sum));
}

SCALAR_TEST(GradientClipTest, ManySegmentsAndEdges) {
  using T = TypeParam;
  krate::ParameterList<TestSpace, T> list;
  EXPECT_EQ(norm_of(list), 0);
  auto const three = view<T, 1>(filled(1, {1}, 0, 3)), four = view<T, 1>(filled(1, {1}, 0, -4)), none = zeros<T>(0);
  list.adopt("a", three, three);
  list.adopt("empty", none, none, false);
  list.adopt("b", four, four);
  EXPECT_EQ(norm_of(list), 5);
}

SCALAR_TEST(GradientClipTest, RepeatsToTheBitForAnyNumberOfThreads) {
  auto const list = some_parameters<TypeParam>();
  set_gradients(list, 220);
  double const one = norm_of(list);
  EXPECT_EQ(one, norm_of(list));
  EXPECT_EQ(one, norm_of(list, one_thread()));
}

SCALAR_TEST(GradientClipTest, FaultsShow) {
  using T = TypeParam;
  double const nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  auto const list = some_parameters<T>();
  set_gradients(list, 220);
  krate::testing::set_all(Kokkos::subview(list.gradient(2), 0), static_cast<T>(nan));
  EXPECT_TRUE(std::isnan(norm_of(list)));
  krate::testing::set_all(Kokkos::subview(list.gradient(2), 0), static_cast<T>(inf));
  EXPECT_EQ(norm_of(list), inf);
  EXPECT_TRUE(std::isnan(scale_for<T>(nan, 1)));
  EXPECT_TRUE(std::isnan(scale_for<T>(inf, 1)));
}

SCALAR_TEST(GradientClipTest, ScaleByTheFormula) {
  using T = TypeParam;
  double const eps = std::numeric_limits<T>::epsilon();
  EXPECT_NEAR(scale_for<T>(4, 1), 1 / (4 + 1e-6), eps);
  EXPECT_EQ(scale_for<T>(0.5, 1), 1);
  EXPECT_EQ(scale_for<T>(0, 1), 1);
  EXPECT_LT(scale_for<T>(1, 1), 1);    // the constant counts
  EXPECT_EQ(scale_for<T>(1e9, 0), 1);  // off
}

SCALAR_TEST(GradientClipTest, SaysWhatIsWrongAndConduct) {
  using T = TypeParam;
  Bench bench(krate::optim::gradient_norm_workspace());
  auto const list = some_parameters<T>();
  auto const norm = factor<double>(1);
  auto const scale = factor<T>(1);
  EXPECT_ERROR(krate::ValueError, "krate::optim::clip_scale: max_norm = -1, but it must not be negative",
               clip_scale(bench.space, norm, -1, scale));
  EXPECT_ERROR(krate::ValueError, "more bytes are needed",
               gradient_norm(bench.space, list, krate::Workspace<TestSpace>(), norm));
  expect_good_conduct(bench.space, [&] { gradient_norm(bench.space, list, bench.work(), norm); });
  expect_good_conduct(bench.space, [&] { clip_scale(bench.space, norm, 1, scale); });
}

}  // namespace
