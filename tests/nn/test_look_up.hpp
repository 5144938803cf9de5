// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Token and position embedding: look-ups in tables, and which row a token takes.
#include "krate/nn/look_up.hpp"
#include "krate/nn/token_positions.hpp"
#include "support/checks.hpp"

namespace {

using krate::Label;
using krate::LookUp;
using krate::testing::dot;

Array ids_for(std::size_t rows, std::size_t entries) {
  Array ids({rows});
  for (std::size_t i = 0; i < rows; ++i) ids(i) = static_cast<double>((5 * i * i + 3) % entries);
  return ids;
}

/// On top of 1 where it adds.
template <class T>
Array looked_up(Array const& ids, Array const& table, LookUp how = LookUp::write) {
  Guarded<TestSpace, T, 2> out(ids.size(), table.extent(1));
  if (how == LookUp::add) krate::testing::set_all(out.view(), T(1));
  krate::look_up(TestSpace(), view<Label, 1>(ids), view<T, 2>(table), how, out.view());
  EXPECT_TRUE(out.intact());
  return out.array();
}

/// On top of 1.
template <class T>
Array looked_up_back(Array const& ids, Array const& dout, std::size_t entries, Label padding = krate::no_padding,
                     TestSpace const& space = {}) {
  Guarded<TestSpace, T, 2> table(entries, dout.extent(1));
  krate::testing::set_all(table.view(), T(1));
  krate::look_up_backward(space, view<Label, 1>(ids), view<T, 2>(dout), padding, table.view());
  space.fence("krate::test");
  EXPECT_TRUE(table.intact());
  Array found = table.array();
  for (double& v : found.data) v -= 1;
  return found;
}

template <class T>
struct LookUpTest : ::testing::Test {};
SCALAR_TESTS(LookUpTest, krate::testing::Scalars);

SCALAR_TEST(LookUpTest, MatchesHostOracle) {
  using T = TypeParam;
  for (auto const& size : {std::array<std::size_t, 3>{12, 7, 20}, {1, 1, 1}, {40, 3, 33}, {9, 200, 5}, {0, 4, 3}}) {
    auto const [rows, entries, dim] = size;
    Array const ids = ids_for(rows, entries), table = filled(80, {entries, dim}), dout = filled(81, {rows, dim});
    Array out({rows, dim}), more({rows, dim}), dtable({entries, dim}), without_0({entries, dim});
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < dim; ++j) {
        auto const id = static_cast<std::size_t>(ids(i));
        out(i, j) = table(id, j);
        more(i, j) = 1 + table(id, j);
        dtable(id, j) += dout(i, j);
        if (id != 0) without_0(id, j) += dout(i, j);
      }
    EXPECT_LE(worst_error(looked_up<T>(ids, table), out), tolerance<T>(1));
    EXPECT_LE(worst_error(looked_up<T>(ids, table, LookUp::add), more), tolerance<T>(1));
    EXPECT_LE(worst_error(looked_up_back<T>(ids, dout, entries), dtable), tolerance<T>(rows));
    Array const learnt = looked_up_back<T>(ids, dout, entries, 0);
    for (std::size_t j = 0; j < dim; ++j) EXPECT_EQ(learnt(0, j), 0);
    if (entries > 1) {
      EXPECT_LE(worst_error(learnt, without_0), tolerance<T>(rows));
    }
  }
}

SCALAR_TEST(LookUpTest, BackwardIsTheAdjointAndTheGradient) {
  if (std::is_same_v<TypeParam, float>) return;
  Array const ids = ids_for(9, 4), table = filled(82, {4, 5}), dout = filled(83, {9, 5});
  Array const dtable = looked_up_back<double>(ids, dout, 4);
  EXPECT_NEAR(dot(dtable, table), dot(looked_up<double>(ids, table), dout), 1e-13);
  auto const loss = [&](Array const& v) { return dot(looked_up<double>(ids, v), dout); };
  EXPECT_LE(krate::testing::gradient_error(loss, table, dtable), 1e-9);
}

SCALAR_TEST(LookUpTest, IdsOutsideTheTableShowAndTeachNothing) {
  using T = TypeParam;
  Array const ids({3}, {1, -1, 2}), table = filled(84, {2, 3});
  Array const out = looked_up<T>(ids, table), dtable = looked_up_back<T>(ids, filled(85, {3, 3}), 2);
  EXPECT_TRUE(std::isfinite(out(0, 2)) && std::isnan(out(1, 0)) && std::isnan(out(2, 2)));
  EXPECT_EQ(dtable(0, 0), 0);
  EXPECT_NE(dtable(1, 0), 0);
}

SCALAR_TEST(LookUpTest, RepeatsErrorsConduct) {
  using T = TypeParam;
  TestSpace const space;
  Array const ids = ids_for(500, 70), dout = filled(86, {500, 19});
  EXPECT_TRUE(
      same_bits(looked_up_back<T>(ids, dout, 70), looked_up_back<T>(ids, dout, 70, krate::no_padding, one_thread())));
  auto const three = view<Label, 1>(Array({3}));
  auto const table = view<T, 2>(Array({2, 4})), out = view<T, 2>(Array({3, 4})), wrong = view<T, 2>(Array({3, 5}));
  EXPECT_ERROR(krate::ShapeError, "krate::look_up: out has shape [3, 5], expected [3, 4]",
               krate::look_up(space, three, table, LookUp::write, wrong));
  EXPECT_ERROR(krate::ShapeError, "krate::look_up_backward: dout has shape [3, 5], expected [3, 4]",
               krate::look_up_backward(space, three, wrong, krate::no_padding, table));
  expect_good_conduct(space, [&] { krate::look_up(space, three, table, LookUp::add, out); });
  expect_good_conduct(space, [&] { krate::look_up_backward(space, three, out, 1, table); });
}

template <class T>
struct TokenPositionsTest : ::testing::Test {};
SCALAR_TESTS(TokenPositionsTest, krate::testing::OnlyDouble);

SCALAR_TEST(TokenPositionsTest, CountUpAndSkipPadding) {
  TestSpace const space;
  Guarded<TestSpace, Label, 2> all(2, 3), real(2, 5);
  krate::number_tokens(space, Label(4), all.view());
  EXPECT_EQ(all.array().data, (std::vector<double>{4, 5, 6, 4, 5, 6}));
  Array const tokens({2, 5}, {7, 9, 7, 1, 1, 1, 8, 1, 8, 8});  // 1 is padding
  Kokkos::View<bool**, Kokkos::LayoutRight, krate::DeviceOf<TestSpace>> const keys("krate::test::keys", 2, 5);
  auto const ids = view<Label, 2>(tokens);
  krate::number_real_tokens<TestSpace>(space, ids, Label(1), real.view(), keys);
  EXPECT_EQ(real.array().data, (std::vector<double>{2, 3, 4, 1, 1, 1, 2, 1, 3, 4}));
  EXPECT_EQ(to_array(keys).data, (std::vector<double>{1, 1, 1, 0, 0, 0, 1, 0, 1, 1}));
  EXPECT_TRUE(all.intact() && real.intact());
  EXPECT_ERROR(krate::ShapeError, "krate::number_real_tokens: positions has shape [2, 3], expected [2, 5]",
               krate::number_real_tokens<TestSpace>(space, ids, Label(1), all.view(), keys));
  expect_good_conduct(space, [&] { krate::number_tokens(space, Label(0), all.view()); });
  expect_good_conduct(space, [&] { krate::number_real_tokens<TestSpace>(space, ids, Label(1), real.view(), keys); });
}

}  // namespace
