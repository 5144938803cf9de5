// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/nn/linear.hpp"
#include "support/checks.hpp"

namespace {

struct LinearProblem {
  Array x, weight, bias, dy;
  LinearProblem(std::size_t rows, std::size_t in, std::size_t out, bool with_bias = true)
      : x(filled(20, {rows, in})),
        weight(filled(21, {out, in})),
        bias(filled(22, {with_bias ? out : 0})),
        dy(filled(23, {rows, out})) {}
};
struct LinearResult {
  Array y, dx, dweight, dbias;
};

/// Plain loops.
LinearResult linear_oracle(LinearProblem const& p) {
  std::size_t const rows = p.x.extent(0), in = p.x.extent(1), out = p.weight.extent(0);
  LinearResult o{Array({rows, out}), Array({rows, in}), Array({out, in}), Array({p.bias.size()})};
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t j = 0; j < out; ++j) {
      if (p.bias.size()) {
        o.y(r, j) = p.bias(j);
        o.dbias(j) += p.dy(r, j);
      }
      for (std::size_t i = 0; i < in; ++i) {
        o.y(r, j) += p.x(r, i) * p.weight(j, i);
        o.dx(r, i) += p.dy(r, j) * p.weight(j, i);
        o.dweight(j, i) += p.dy(r, j) * p.x(r, i);
      }
    }
  }
  return o;
}

/// All of krate's, parameter gradients on top of 1.
template <class T>
LinearResult linear_run(LinearProblem const& p, bool want_dx = true) {
  std::size_t const rows = p.x.extent(0), in = p.x.extent(1), out = p.weight.extent(0);
  Bench bench(p.bias.size() ? krate::linear_backward_workspace<T>(out) : 0);
  auto const x = view<T, 2>(p.x), weight = view<T, 2>(p.weight), dy = view<T, 2>(p.dy);
  auto const bias = view<T, 1>(p.bias);
  Guarded<TestSpace, T, 2> y(rows, out), dx(want_dx ? rows : 0, want_dx ? in : 0), dweight(out, in);
  Guarded<TestSpace, T, 1> dbias(p.bias.size());
  krate::testing::set_all(dweight.view(), T(1));
  krate::testing::set_all(dbias.view(), T(1));
  krate::linear(bench.space, x, weight, bias, y.view());
  krate::linear_backward(bench.space, x, weight, dy, bench.work(), dx.view(), dweight.view(), dbias.view());
  bench.space.fence("krate::test");
  EXPECT_TRUE(y.intact() && dx.intact() && dweight.intact() && dbias.intact());
  LinearResult result{y.array(), dx.array(), dweight.array(), dbias.array()};
  for (double& g : result.dweight.data) g -= 1;
  for (double& g : result.dbias.data) g -= 1;
  return result;
}

template <class T>
struct LinearTest : ::testing::Test {};
SCALAR_TESTS(LinearTest, krate::testing::Scalars);
template <class T>
struct LinearDouble : ::testing::Test {};
SCALAR_TESTS(LinearDouble, krate::testing::OnlyDouble);

SCALAR_TEST(LinearTest, MatchesHostOracle) {
  for (bool const with_bias : {true, false}) {
    for (auto const& size : {std::array<std::size_t, 3>{7, 12, 5}, {1, 1, 1}, {33, 3, 17}, {2, 40, 9}}) {
      LinearProblem const p(size[0], size[1], size[2], with_bias);
      auto const found = linear_run<TypeParam>(p), expected = linear_oracle(p);
      EXPECT_LE(worst_error(found.y, expected.y), tolerance<TypeParam>(size[1]));
      EXPECT_LE(worst_error(found.dx, expected.dx), tolerance<TypeParam>(size[2]));
      EXPECT_LE(worst_error(found.dweight, expected.dweight), tolerance<TypeParam>(size[0]));
      EXPECT_LE(worst_error(found.dbias, expected.dbias), tolerance<TypeParam>(size[0]));
    }
  }
}

SCALAR_TEST(LinearTest, HandCheckedCase) {
  LinearProblem p(1, 2, 2);
  p.x.data = {1, 2};
  p.weight.data = {3, 4, 5, 6};  // rows are outputs
  p.bias.data = {10, 20};
  p.dy.data = {1, -1};
  auto const r = linear_run<TypeParam>(p);
  EXPECT_EQ(r.y.data, (std::vector<double>{21, 37}));
  EXPECT_EQ(r.dx.data, (std::vector<double>{-2, -2}));
  EXPECT_EQ(r.dweight.data, (std::vector<double>{1, 2, -1, -2}));
  EXPECT_EQ(r.dbias.data, (std::vector<double>{1, -1}));
}

SCALAR_TEST(LinearDouble, GradientsByFivePoints) {
  LinearProblem const p(4, 6, 3);
  auto const found = linear_run<double>(p);
  auto const error = [&](Array LinearProblem::*field, Array const& gradient) {
    auto const loss = [&](Array const& value) {
      LinearProblem q = p;
      q.*field = value;
      return krate::testing::dot(linear_run<double>(q).y, q.dy);
    };
    return krate::testing::gradient_error(loss, p.*field, gradient);
  };
  EXPECT_LE(error(&LinearProblem::x, found.dx), 1e-8);
  EXPECT_LE(error(&LinearProblem::weight, found.dweight), 1e-8);
  EXPECT_LE(error(&LinearProblem::bias, found.dbias), 1e-8);
}

SCALAR_TEST(LinearTest, InputGradientMayBeLeftOut) {
  LinearProblem const p(6, 5, 4);
  auto const all = linear_run<TypeParam>(p), some = linear_run<TypeParam>(p, false);
  EXPECT_TRUE(same_bits(all.dweight, some.dweight));
  EXPECT_TRUE(same_bits(all.dbias, some.dbias));
}

SCALAR_TEST(LinearTest, NoRowsChangeNothing) {
  auto const r = linear_run<TypeParam>(LinearProblem(0, 3, 4));
  EXPECT_TRUE(same_bits(r.dweight, Array({4, 3})));
  EXPECT_TRUE(same_bits(r.dbias, Array({4})));
}

SCALAR_TEST(LinearTest, RepeatsToTheBit) {
  LinearProblem const p(65, 31, 18);
  auto const one = linear_run<TypeParam>(p), two = linear_run<TypeParam>(p);
  EXPECT_TRUE(same_bits(one.y, two.y) && same_bits(one.dx, two.dx));
  EXPECT_TRUE(same_bits(one.dweight, two.dweight) && same_bits(one.dbias, two.dbias));
}

SCALAR_TEST(LinearTest, SaysWhatIsWrong) {
  using T = TypeParam;
  TestSpace const space;
  auto const x = view<T, 2>(Array({3, 4})), weight = view<T, 2>(Array({5, 4})), y = view<T, 2>(Array({3, 5}));
  auto const bias = view<T, 1>(Array({5})), bad = view<T, 1>(Array({4}));
  EXPECT_ERROR(krate::ShapeError, "krate::linear: weight has shape [3, 5], expected [3, 4]",
               krate::linear(space, x, y, bias, y));
  EXPECT_ERROR(krate::ShapeError, "krate::linear: bias has shape [4], expected [5]",
               krate::linear(space, x, weight, bad, y));
  EXPECT_ERROR(krate::ShapeError, "krate::linear_backward: dweight has shape [3, 5], expected [5, 4]",
               krate::linear_backward(space, x, weight, y, krate::Workspace<TestSpace>(), x, y, bias));
  EXPECT_ERROR(krate::ValueError, "more bytes are needed",
               krate::linear_backward(space, x, weight, y, krate::Workspace<TestSpace>(), x, weight, bias));
}

SCALAR_TEST(LinearTest, ProductsInBfloat16) {
  using T = TypeParam;
  LinearProblem const p(33, 24, 40);
  std::size_t const rows = 33, in = 24, out = 40;
  auto const low = krate::Products::bfloat16;
  Bench bench(std::max(krate::linear_workspace<T>(low, rows, in, out),
                       krate::linear_backward_workspace<T>(low, rows, in, out)));
  Guarded<TestSpace, T, 2> y(rows, out), dx(rows, in), dweight(out, in);
  Guarded<TestSpace, T, 1> dbias(out);
  krate::testing::set_all(dweight.view(), T(0));
  krate::testing::set_all(dbias.view(), T(0));
  auto const x = view<T, 2>(p.x), weight = view<T, 2>(p.weight), dy = view<T, 2>(p.dy);
  krate::linear(bench.space, x, weight, view<T, 1>(p.bias), y.view(), low, bench.work());
  krate::linear_backward(bench.space, x, weight, dy, bench.work(), dx.view(), dweight.view(), dbias.view(), low);
  bench.space.fence("krate::test");
  EXPECT_TRUE(y.intact() && dx.intact() && dweight.intact() && dbias.intact());
  auto const wanted = linear_oracle(p);
  EXPECT_LE(worst_error(y.array(), wanted.y), 0.05);
  EXPECT_LE(worst_error(dx.array(), wanted.dx), 0.05);
  EXPECT_LE(worst_error(dweight.array(), wanted.dweight), 0.05);
  EXPECT_LE(worst_error(dbias.array(), wanted.dbias), krate::testing::tolerance<T>(rows));
  EXPECT_GE(worst_error(y.array(), wanted.y), 1e-5) << "operands were rounded";
}

SCALAR_TEST(LinearTest, Conduct) {
  using T = TypeParam;
  LinearProblem const p(4, 6, 5);
  Bench bench(krate::linear_backward_workspace<T>(5));
  auto const x = view<T, 2>(p.x), w = view<T, 2>(p.weight), y = view<T, 2>(p.dy), dx = view<T, 2>(p.x);
  auto const b = view<T, 1>(p.bias), db = view<T, 1>(p.bias);
  auto const dw = view<T, 2>(p.weight);
  expect_good_conduct(bench.space, [&] { krate::linear(bench.space, x, w, b, y); });
  expect_good_conduct(bench.space, [&] { krate::linear_backward(bench.space, x, w, y, bench.work(), dx, dw, db); });
}

}  // namespace
