// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/nn/layer_norm.hpp"
#include "support/checks.hpp"

namespace {

struct NormProblem {
  Array x, weight, bias, dy;
  NormProblem(std::size_t rows, std::size_t dim, std::uint64_t t = 10)
      : x(filled(t, {rows, dim}, 2, 0.5)),
        weight(filled(t + 1, {dim}, 0.5, 1)),
        bias(filled(t + 2, {dim}, 0.5)),
        dy(filled(t + 3, {rows, dim})) {}
};

struct NormResult {
  Array y, mean, deviation, dx, dweight, dbias;
};

/// Plain loops.
NormResult norm_oracle(NormProblem const& p, double eps) {
  std::size_t const rows = p.x.extent(0), dim = p.x.extent(1);
  NormResult o{Array({rows, dim}), Array({rows}), Array({rows}), Array({rows, dim}), Array({dim}), Array({dim})};
  for (std::size_t r = 0; r < rows; ++r) {
    double mean = 0, variance = 0, mean_h = 0, mean_hn = 0;
    for (std::size_t j = 0; j < dim; ++j) mean += p.x(r, j) / dim;
    for (std::size_t j = 0; j < dim; ++j) variance += (p.x(r, j) - mean) * (p.x(r, j) - mean) / dim;
    double const reciprocal = 1 / std::sqrt(variance + eps);
    for (std::size_t j = 0; j < dim; ++j) {
      double const n = (p.x(r, j) - mean) * reciprocal, h = p.dy(r, j) * p.weight(j);
      o.y(r, j) = p.weight(j) * n + p.bias(j);
      o.dweight(j) += p.dy(r, j) * n;
      o.dbias(j) += p.dy(r, j);
      mean_h += h / dim;
      mean_hn += h * n / dim;
    }
    for (std::size_t j = 0; j < dim; ++j) {
      double const n = (p.x(r, j) - mean) * reciprocal, h = p.dy(r, j) * p.weight(j);
      o.dx(r, j) = reciprocal * (h - mean_h - n * mean_hn);
    }
    o.mean(r) = mean;
    o.deviation(r) = reciprocal;
  }
  return o;
}

/// All of krate's, parameter gradients on top of 1.
template <class T>
NormResult norm_run(NormProblem const& p, krate::LayerNormOptions const& options = {}, TestSpace const& space = {}) {
  std::size_t const rows = p.x.extent(0), dim = p.x.extent(1);
  Bench bench(krate::layer_norm_backward_workspace<T>(dim));
  auto const x = view<T, 2>(p.x), dy = view<T, 2>(p.dy);
  auto const weight = view<T, 1>(p.weight), bias = view<T, 1>(p.bias);
  Guarded<TestSpace, T, 2> y(rows, dim), dx(rows, dim);
  Guarded<TestSpace, T, 1> mean(rows), deviation(rows), dweight(dim), dbias(dim);
  krate::testing::set_all(dweight.view(), T(1));
  krate::testing::set_all(dbias.view(), T(1));
  krate::layer_norm(space, x, weight, bias, options, y.view(), mean.view(), deviation.view());
  krate::layer_norm_backward(space, x, weight, mean.view(), deviation.view(), dy, krate::InputGradient::write,
                             bench.work(), dx.view(), dweight.view(), dbias.view());
  space.fence("krate::test");
  EXPECT_TRUE(y.intact() && dx.intact() && mean.intact() && deviation.intact() && dweight.intact() && dbias.intact());
  NormResult result{y.array(), mean.array(), deviation.array(), dx.array(), dweight.array(), dbias.array()};
  for (double& g : result.dweight.data) g -= 1;
  for (double& g : result.dbias.data) g -= 1;
  return result;
}

template <class T>
struct LayerNormTest : ::testing::Test {};
SCALAR_TESTS(LayerNormTest, krate::testing::Scalars);
template <class T>
struct LayerNormDouble : ::testing::Test {};
SCALAR_TESTS(LayerNormDouble, krate::testing::OnlyDouble);

SCALAR_TEST(LayerNormTest, MatchesHostOracle) {
  for (auto const& [rows, dim] : {std::pair<std::size_t, std::size_t>{7, 12}, {1, 2}, {3, 33}, {40, 16}, {19, 100}}) {
    NormProblem const p(rows, dim);
    auto const found = norm_run<TypeParam>(p);
    auto const expected = norm_oracle(p, 1e-5);
    double const row = tolerance<TypeParam>(dim), column = tolerance<TypeParam>(rows + dim);
    EXPECT_LE(worst_error(found.y, expected.y), row) << rows << " " << dim;
    EXPECT_LE(worst_error(found.mean, expected.mean), row) << rows << " " << dim;
    EXPECT_LE(worst_error(found.deviation, expected.deviation), row) << rows << " " << dim;
    if (dim > 2) {  // with two features dx is all but zero
      EXPECT_LE(worst_error(found.dx, expected.dx), row) << rows << " " << dim;
    }
    EXPECT_LE(worst_error(found.dweight, expected.dweight), column) << rows << " " << dim;
    EXPECT_LE(worst_error(found.dbias, expected.dbias), column) << rows << " " << dim;
  }
}

SCALAR_TEST(LayerNormDouble, ReproducesTheReferencePage) {
  NormProblem p(10, 8);
  p.x = filled(1, {10, 8});
  p.dy = filled(2, {10, 8});
  p.weight = filled(3, {8}, 0.5, 1);
  p.bias = filled(4, {8}, 0.5);
  auto const r = norm_run<double>(p);
  auto const check = [](Array const& a, double sum, double squares, double first, double last) {
    double found_sum = 0;
    for (double const v : a.data) found_sum += v;
    EXPECT_NEAR(found_sum, sum, 1e-11);
    EXPECT_NEAR(krate::testing::dot(a, a), squares, 1e-10);
    EXPECT_NEAR(a.data.front(), first, 1e-12);
    EXPECT_NEAR(a.data.back(), last, 1e-11);
  };
  check(r.y, 3.733403862796, 99.35908114993, 0.5888839738967, -1.516256891635);
  check(r.dx, 0, 89.90229621852, -1.055403850907, 1.079251354982);
  check(r.dweight, -2.304547667521, 26.94294395510, -3.576400654420, -1.750340884586);
}

SCALAR_TEST(LayerNormDouble, GradientsByFivePoints) {
  NormProblem const p(5, 9);
  auto const found = norm_run<double>(p);
  auto const error = [&](Array NormProblem::*field, Array const& gradient) {
    auto const loss = [&](Array const& value) {
      NormProblem q = p;
      q.*field = value;
      return krate::testing::dot(norm_run<double>(q).y, q.dy);
    };
    return krate::testing::gradient_error(loss, p.*field, gradient);
  };
  EXPECT_LE(error(&NormProblem::x, found.dx), 1e-7);
  EXPECT_LE(error(&NormProblem::weight, found.dweight), 1e-7);
  EXPECT_LE(error(&NormProblem::bias, found.dbias), 1e-7);
}

SCALAR_TEST(LayerNormDouble, RowsAreStandardAndIgnoreShiftAndScale) {
  NormProblem p(6, 40);
  p.weight = filled(1, {40}, 0, 1);
  p.bias = filled(1, {40}, 0, 0);
  auto const base = norm_run<double>(p, {.norm_eps = 1e-14});
  for (std::size_t r = 0; r < 6; ++r) {
    double sum = 0, squares = 0;
    for (std::size_t j = 0; j < 40; ++j) {
      sum += base.y(r, j);
      squares += base.y(r, j) * base.y(r, j);
    }
    EXPECT_NEAR(sum, 0, 1e-12);
    EXPECT_NEAR(squares, 40, 1e-10);
  }
  NormProblem moved = p;
  for (double& v : moved.x.data) v = 3 * v + 1e6;
  EXPECT_LE(worst_error(norm_run<double>(moved, {.norm_eps = 1e-14}).y, base.y), 1e-8);
}

SCALAR_TEST(LayerNormTest, ConstantRowGivesTheBias) {
  NormProblem p(2, 5);
  p.x = filled(1, {2, 5}, 0, 3);
  auto const found = norm_run<TypeParam>(p);
  for (std::size_t j = 0; j < 5; ++j) EXPECT_EQ(found.y(1, j), static_cast<double>(static_cast<TypeParam>(p.bias(j))));
}

SCALAR_TEST(LayerNormTest, InputGradientAddsInPlaceOrIsLeftOut) {
  using T = TypeParam;
  NormProblem const p(9, 21);
  auto const written = norm_run<T>(p);
  Bench bench(krate::layer_norm_backward_workspace<T>(21));
  auto const x = view<T, 2>(p.x), dx = view<T, 2>(p.dy), other = view<T, 2>(filled(77, {9, 21}));
  auto const weight = view<T, 1>(p.weight), mean = view<T, 1>(written.mean), deviation = view<T, 1>(written.deviation);
  auto const none = Kokkos::View<T**, Kokkos::LayoutRight, krate::DeviceOf<TestSpace>>();
  auto const backward = [&](auto const& dy, krate::InputGradient mode, auto const& target) {
    auto const dweight = view<T, 1>(Array({21})), dbias = view<T, 1>(Array({21}));
    krate::layer_norm_backward(bench.space, x, weight, mean, deviation, dy, mode, bench.work(), target, dweight, dbias);
    EXPECT_LE(worst_error(to_array(dweight), written.dweight), tolerance<T>(9));
    EXPECT_LE(worst_error(to_array(dbias), written.dbias), tolerance<T>(9));
    return std::pair(to_array(dweight), to_array(dbias));
  };
  auto const alone = backward(view<T, 2>(p.dy), krate::InputGradient::write, none);
  auto const beside = backward(view<T, 2>(p.dy), krate::InputGradient::add, other);
  EXPECT_TRUE(same_bits(alone.first, beside.first));
  EXPECT_TRUE(same_bits(alone.second, beside.second));
  Array sum = filled(77, {9, 21});
  for (std::size_t i = 0; i < sum.size(); ++i) sum.data[i] += written.dx.data[i];
  EXPECT_LE(worst_error(to_array(other), sum), tolerance<T>(4));
  backward(dx, krate::InputGradient::write, dx);  // dx is dy
  EXPECT_TRUE(same_bits(to_array(dx), written.dx));
}

SCALAR_TEST(LayerNormTest, TakesRowsWithGaps) {
  using T = TypeParam;
  NormProblem const p(6, 10);
  auto const dense = norm_run<T>(p);
  Array wide({6, 13});
  for (std::size_t r = 0; r < 6; ++r)
    for (std::size_t j = 0; j < 10; ++j) wide(r, j) = p.x(r, j);
  auto const store = view<T, 2>(wide), out = view<T, 2>(filled(5, {6, 13}));
  auto const columns = Kokkos::pair<std::size_t, std::size_t>(0, 10);
  auto const y = Kokkos::subview(out, Kokkos::ALL, columns);
  Guarded<TestSpace, T, 1> mean(6), deviation(6);
  krate::layer_norm(TestSpace(), Kokkos::subview(store, Kokkos::ALL, columns), view<T, 1>(p.weight), view<T, 1>(p.bias),
                    {}, y, mean.view(), deviation.view());
  EXPECT_TRUE(same_bits(to_array(y), dense.y));
  for (std::size_t j = 10; j < 13; ++j)
    EXPECT_EQ(to_array(out)(3, j), static_cast<double>(static_cast<T>(filled(5, {6, 13})(3, j))));
}

SCALAR_TEST(LayerNormTest, NoRowsChangeNothing) {
  auto const found = norm_run<TypeParam>(NormProblem(0, 4));
  EXPECT_TRUE(same_bits(found.dweight, Array({4})));
  EXPECT_TRUE(same_bits(found.dbias, Array({4})));
}

SCALAR_TEST(LayerNormTest, RepeatsToTheBitForAnyNumberOfThreads) {
  NormProblem const p(53, 70);
  auto const one = norm_run<TypeParam>(p), two = norm_run<TypeParam>(p);
  auto const three = norm_run<TypeParam>(p, {}, one_thread());
  for (auto const* other : {&two, &three}) {
    EXPECT_TRUE(same_bits(one.y, other->y));
    EXPECT_TRUE(same_bits(one.dx, other->dx));
    EXPECT_TRUE(same_bits(one.dweight, other->dweight));
    EXPECT_TRUE(same_bits(one.dbias, other->dbias));
  }
}

SCALAR_TEST(LayerNormTest, SaysWhatIsWrong) {
  using T = TypeParam;
  TestSpace const space;
  auto const x = view<T, 2>(Array({3, 4})), y = view<T, 2>(Array({3, 4})), small = view<T, 2>(Array({3, 3}));
  auto const d = view<T, 1>(Array({4})), rows = view<T, 1>(Array({3})), long_one = view<T, 1>(Array({5}));
  EXPECT_ERROR(krate::ShapeError, "krate::layer_norm: weight has shape [5], expected [4]",
               krate::layer_norm(space, x, long_one, d, {}, y, rows, rows));
  EXPECT_ERROR(krate::ShapeError, "krate::layer_norm: y has shape [3, 3], expected [3, 4]",
               krate::layer_norm(space, x, d, d, {}, small, rows, rows));
  EXPECT_ERROR(krate::ShapeError, "mean has shape [4], expected [3]",
               krate::layer_norm(space, x, d, d, {}, y, d, rows));
  EXPECT_ERROR(krate::ValueError, "norm_eps = 0, but it must be positive",
               krate::layer_norm(space, x, d, d, {.norm_eps = 0}, y, rows, rows));
  EXPECT_ERROR(krate::ShapeError, "krate::layer_norm_backward: dx has shape [3, 3], expected [3, 4]",
               krate::layer_norm_backward(space, x, d, rows, rows, y, krate::InputGradient::add,
                                          krate::Workspace<TestSpace>(), small, d, d));
  EXPECT_ERROR(krate::ValueError, "more bytes are needed",
               krate::layer_norm_backward(space, x, d, rows, rows, y, krate::InputGradient::add,
                                          krate::Workspace<TestSpace>(), y, d, d));
}

SCALAR_TEST(LayerNormTest, Conduct) {
  using T = TypeParam;
  NormProblem const p(4, 6);
  Bench bench(krate::layer_norm_backward_workspace<T>(6));
  auto const x = view<T, 2>(p.x), dy = view<T, 2>(p.dy), y = view<T, 2>(p.x), dx = view<T, 2>(p.x);
  auto const w = view<T, 1>(p.weight), b = view<T, 1>(p.bias), mean = view<T, 1>(Array({4})),
             rd = view<T, 1>(Array({4}));
  expect_good_conduct(bench.space, [&] { krate::layer_norm(bench.space, x, w, b, {}, y, mean, rd); });
  expect_good_conduct(bench.space, [&] {
    krate::layer_norm_backward(bench.space, x, w, mean, rd, dy, krate::InputGradient::add, bench.work(), dx, w, b);
  });
}

}  // namespace
