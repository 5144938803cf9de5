// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The kernels for millions of short rows, which the rates choose by themselves.
#pragma once

#include "core/impl/simd.hpp"
#include "krate/core/arena.hpp"
#include "krate/linalg/impl/thin_decl.hpp"
#include "linalg/operands.hpp"

namespace {

template <class T>
struct ThinTest : ::testing::Test {
  TestSpace space;

  /// Both products of z with itself and with m.
  std::pair<Array, Array> run(TestSpace const& on, Array const& z, Array const& m, Layout in, Layout out, double beta) {
    std::size_t const rows = z.extent(0), columns = z.extent(1);
    using Gram = krate::impl::ThinGram<TestSpace, T>;
    Guarded<TestSpace, double, 1> partial(Gram::partial_size(rows, columns));
    Guarded<TestSpace, double, 2> g(columns, columns);
    krate::testing::assign(g.view(), m);
    auto const samples = laid_out<T>(z, in);
    auto const from = krate::as_strided<TestSpace>(samples);
    auto const to = laid_out<T>(Array({rows, columns}), out);
    auto const factor = view<double, 2>(m);
    Gram::run(on, 0.5, from, beta, partial.view(), g.view());
    krate::impl::ThinProduct<TestSpace, T>::run(on, 2, from, krate::as_matrix<TestSpace>(factor),
                                                krate::as_strided<TestSpace>(to));
    on.fence("krate::test: thin");
    EXPECT_TRUE(partial.intact() && g.intact());
    return {g.array(), to_array(to)};
  }
};
SCALAR_TESTS(ThinTest, krate::testing::Scalars);

SCALAR_TEST(ThinTest, MatchesPlainLoopsInEveryLayout) {
  using T = TypeParam;
  // All widths of tiles, with and without padding; one chunk, several, and a last one that is not full.
  std::size_t const sizes[][2] = {{32, 1},   {130, 4},   {300, 7},   {256, 8},   {600, 9},   {451, 14}, {1000, 16},
                                  {800, 24}, {1030, 31}, {1100, 32}, {2048, 40}, {2100, 57}, {2500, 64}};
  for (auto const& s : sizes) {
    Array const z = rounded<T>(filled(1, {s[0], s[1]})), m = definite(2, s[1]);
    Array const gram = product(transpose_of(z), z), times = product(z, m);
    ASSERT_TRUE(krate::impl::is_thin(s[0], s[1]));
    for (Layout const layout : all_layouts)
      for (double const beta : {0.0, 1.0}) {
        auto const [g, zm] = this->run(this->space, z, m, layout, layout, beta);
        ASSERT_LE(worst_error(g, combined(0.5, gram, beta, m)), tolerance<double>(s[0])) << s[0] << " " << s[1];
        ASSERT_TRUE(same_bits(g, transpose_of(g)));
        ASSERT_LE(worst_error(zm, combined(2, times, 0, times)), tolerance<T>(s[1])) << s[0] << " " << s[1];
      }
    auto const [g, zm] = this->run(this->space, z, m, Layout::left, Layout::right, 0);
    EXPECT_LE(worst_error(zm, combined(2, times, 0, times)), tolerance<T>(s[1]));
  }
}

SCALAR_TEST(ThinTest, AnyNumberOfThreadsGivesTheSameBits) {
  Array const z = filled(1, {5000, 13}), m = definite(2, 13);
  for (Layout const layout : all_layouts) {
    auto const many = this->run(this->space, z, m, layout, layout, 0);
    auto const one = this->run(one_thread(), z, m, layout, layout, 0);
    EXPECT_TRUE(same_bits(many.first, one.first));
    EXPECT_TRUE(same_bits(many.second, one.second));
  }
}

SCALAR_TEST(ThinTest, SharesRowsWithoutAskingForThreads) {
  using Chunks = krate::impl::ThinChunks;
  for (std::size_t const rows : {1u, 255u, 256u, 257u, 65536u, 65537u, 10000000u}) {
    Chunks const chunks(rows);
    EXPECT_GE(chunks.count * chunks.rows, rows);
    EXPECT_LT((chunks.count - 1) * chunks.rows, rows);
    EXPECT_LE(chunks.count, Chunks::most);
  }
}

SCALAR_TEST(ThinTest, TransposeIsItsPortableForm) {
  namespace simd = krate::impl::simd;
  constexpr int w = simd::width<double>;
  simd::Vec<double> a[w], b[w];
  for (int i = 0; i < w; ++i) {
    double row[w];
    for (int j = 0; j < w; ++j) row[j] = 10 * i + j;
    a[i] = b[i] = simd::load(row);
  }
  simd::transpose<double>(a);
  simd::transpose_portable<double>(b);
  for (int i = 0; i < w; ++i) {
    double own[w], portable[w];
    simd::store(own, a[i]);
    simd::store(portable, b[i]);
    for (int j = 0; j < w; ++j) {
      EXPECT_EQ(own[j], 10 * j + i);
      EXPECT_EQ(portable[j], 10 * j + i);
    }
  }
}

SCALAR_TEST(ThinTest, SumsAreTheirPortableForm) {
  namespace simd = krate::impl::simd;
  constexpr int w = simd::width<double>;
  simd::Vec<double> v[w];
  for (int i = 0; i < w; ++i) {
    double row[w];
    for (int j = 0; j < w; ++j) row[j] = 100 * i + j;
    v[i] = simd::load(row);
  }
  double own[w], portable[w];
  simd::store(own, simd::sums<double>(v));
  simd::store(portable, simd::sums_portable<double>(v));
  for (int i = 0; i < w; ++i) {
    EXPECT_EQ(own[i], 100 * i * w + w * (w - 1) / 2);
    EXPECT_EQ(portable[i], own[i]);
  }
}

SCALAR_TEST(ThinTest, RotationIsItsPortableForm) {
  namespace simd = krate::impl::simd;
  constexpr int w = simd::width<double>, count = w / 2 + 1;
  double lanes[w];
  for (int i = 0; i < w; ++i) lanes[i] = i;
  simd::Vec<double> a[count], b[count];
  simd::rotate<double>(simd::load(lanes), a);
  simd::rotate_portable<double>(simd::load(lanes), b);
  for (int k = 0; k < count; ++k) {
    double own[w], portable[w];
    simd::store(own, a[k]);
    simd::store(portable, b[k]);
    for (int i = 0; i < w; ++i) {
      EXPECT_EQ(own[i], (i + k) % w);
      EXPECT_EQ(portable[i], (i + k) % w);
    }
  }
}

}  // namespace
