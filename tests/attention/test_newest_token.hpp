// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Attention of the newest token is the last row of causal attention.
#pragma once

#include "attention/attend.hpp"
#include "krate/attention/newest_token.hpp"
#include "support/multi_head_oracle.hpp"
#include "support/op_test.hpp"

namespace krate::testing {
namespace {

/// For projections [batch, tokens, columns], of which the first `seen` are there.
template <class T>
Array newest(Array const& w, std::size_t heads, std::size_t seen) {
  TestSpace const space;
  std::size_t const batch = w.extent(0), n = w.extent(1), columns = w.extent(2);
  Array tokens_first({n, batch, columns});
  for (std::size_t b = 0; b < batch; ++b)
    for (std::size_t t = 0; t < n; ++t)
      for (std::size_t c = 0; c < columns; ++c)
        tokens_first(t, b, c) = t < seen ? w(b, t, c) : std::numeric_limits<double>::quiet_NaN();
  Arena<TestSpace> const arena(space, newest_token_workspace<TestSpace, T>(batch, n, heads));
  Guarded<TestSpace, T, 2> out(batch, columns);
  attend_newest_token(space, to_view<TestSpace, T, 3>(tokens_first), seen - 1, heads, arena.workspace(), out.view());
  space.fence("krate::test");
  EXPECT_TRUE(out.intact());
  return out.array();
}

template <class Scalar>
struct NewestTokenTest : ::testing::Test {};
SCALAR_TESTS(NewestTokenTest, Scalars);

SCALAR_TEST(NewestTokenTest, IsTheLastRowOfCausalAttention) {
  for (double const size : {1.0, 12.0}) {
    for (std::size_t const p : {1u, 5u, 16u, 48u}) {
      Array const w = rounded_to<TypeParam>(filled(1, {3, 21, 2 * p}, size));
      Array const all = oracle_subspace_attention(w, 2, {true, Array({0, 0})});
      for (std::size_t const seen : {1u, 2u, 7u, 21u}) {
        Array row({3, 2 * p});
        for (std::size_t b = 0; b < 3; ++b)
          for (std::size_t c = 0; c < 2 * p; ++c) row(b, c) = all(b, seen - 1, c);
        Array const found = newest<TypeParam>(w, 2, seen);
        EXPECT_LE(worst_error(found, row), tolerance<TypeParam>(p, 16 * size * size)) << seen << " of width " << p;
        EXPECT_EQ(newest<TypeParam>(w, 2, seen).data, found.data);
      }
    }
  }
}

SCALAR_TEST(NewestTokenTest, KeepsKeysAndValuesOfMultiHeadAttention) {
  using T = TypeParam;
  TestSpace const space;
  std::size_t const batch = 3, n = 13, inner = 10, position = 9;
  Array const qkv = rounded_to<T>(filled(1, {batch, n, 3 * inner}));
  Array const all = oracle_multi_head_attention(qkv, 2, {true, Array({0, 0})});
  Array queries({batch, inner}), context({n, batch, 2 * inner}), row({batch, inner});
  for (std::size_t b = 0; b < batch; ++b)
    for (std::size_t c = 0; c < 2 * inner; ++c) {
      for (std::size_t t = 0; t < n; ++t)
        context(t, b, c) = t <= position ? qkv(b, t, inner + c) : std::numeric_limits<double>::quiet_NaN();
      if (c >= inner) continue;
      queries(b, c) = qkv(b, position, c);
      row(b, c) = all(b, position, c);
    }
  Arena<TestSpace> const arena(space, newest_token_workspace<TestSpace, T>(batch, n, 2));
  Guarded<TestSpace, T, 2> out(batch, inner);
  auto const q = to_view<TestSpace, T, 2>(queries);
  auto const kv = to_view<TestSpace, T, 3>(context);
  attend_newest_token(space, q, kv, position, 2, arena.workspace(), out.view());
  space.fence("krate::test");
  EXPECT_TRUE(out.intact());
  EXPECT_LE(worst_error(out.array(), row), tolerance<T>(inner));
  EXPECT_ERROR(
      ShapeError, "krate::attend_newest_token: context has shape [3, 10, 1], expected [3, 3, 20]",
      attend_newest_token(space, q, to_view<TestSpace, T, 3>(Array({3, 10, 1})), 1, 2, arena.workspace(), out.view()));
}

SCALAR_TEST(NewestTokenTest, SaysWhatIsWrong) {
  using T = TypeParam;
  TestSpace const space;
  auto const w = to_view<TestSpace, T, 3>(Array({4, 2, 6}));
  auto const out = to_view<TestSpace, T, 2>(Array({2, 6})), wrong = to_view<TestSpace, T, 2>(Array({2, 5}));
  Arena<TestSpace> const arena(space, newest_token_workspace<TestSpace, T>(2, 4, 3));
  auto const call = [&](std::size_t position, std::size_t heads, auto const& to) {
    attend_newest_token(space, w, position, heads, arena.workspace(), to);
  };
  EXPECT_ERROR(ValueError, "krate::attend_newest_token: heads = 4, but it must divide", call(0, 4, out));
  EXPECT_ERROR(ValueError, "position = 4, but it must lie inside the context", call(4, 3, out));
  EXPECT_ERROR(ShapeError, "out has shape [2, 5], expected [2, 6]", call(3, 3, wrong));
  Recording const recording;
  call(3, 3, out);
  EXPECT_TRUE(recording.saw("krate::attend_newest_token"));
  EXPECT_EQ(recording.unlabelled(), std::vector<std::string>());
}

}  // namespace
}  // namespace krate::testing
