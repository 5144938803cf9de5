// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Patches, token embedding and pooling: the maps at both ends of the blocks. All are linear: an adjoint test pins
// gradients.
#include "krate/nn/patch_embedding.hpp"
#include "krate/nn/pool.hpp"
#include "krate/nn/token_embedding.hpp"
#include "support/checks.hpp"

namespace {

using krate::Pool;
using krate::testing::dot;

struct PatchCase {
  std::size_t batch, channels, height, width;
  krate::PatchOptions options;
  std::vector<std::size_t> images() const { return {batch, channels, height, width}; }
  std::vector<std::size_t> patches() const {
    std::size_t const ph = options.patch_height, pw = options.patch_width;
    return {batch * (height / ph) * (width / pw), ph * pw * channels};
  }
};
std::vector<PatchCase> const patch_cases = {
    {2, 3, 8, 8, {4, 4}}, {1, 1, 9, 12, {3, 3}}, {3, 2, 4, 6, {4, 1}},
    {2, 3, 6, 4, {3, 2}}, {1, 1, 1, 1, {1, 1}},  {2, 3, 6, 4, {3, 2, krate::PatchOrder::channel_first}}};

/// Plain loops.
Array patch_oracle(PatchCase const& c, Array const& images) {
  Array patches(c.patches());
  bool const first = c.options.order == krate::PatchOrder::channel_first;
  std::size_t const ph = c.options.patch_height, pw = c.options.patch_width;
  std::size_t patch = 0;
  for (std::size_t b = 0; b < c.batch; ++b)
    for (std::size_t y = 0; y < c.height; y += ph)
      for (std::size_t x = 0; x < c.width; x += pw, ++patch)
        for (std::size_t row = 0; row < ph; ++row)
          for (std::size_t column = 0; column < pw; ++column)
            for (std::size_t channel = 0; channel < c.channels; ++channel)
              patches(patch, first ? (channel * ph + row) * pw + column : (row * pw + column) * c.channels + channel) =
                  images.data[((b * c.channels + channel) * c.height + y + row) * c.width + x + column];
  return patches;
}

template <class T>
Array patches_of(PatchCase const& c, Array const& images) {
  Guarded<TestSpace, T, 2> out(c.patches()[0], c.patches()[1]);
  krate::patchify(TestSpace(), view<T, 4>(images), c.options, out.view());
  EXPECT_TRUE(out.intact());
  return out.array();
}
template <class T>
Array images_of(PatchCase const& c, Array const& patches) {
  Guarded<TestSpace, T, 4> out(c.batch, c.channels, c.height, c.width);
  krate::patchify_backward(TestSpace(), view<T, 2>(patches), c.options, out.view());
  EXPECT_TRUE(out.intact());
  return out.array();
}

template <class T>
struct PatchTest : ::testing::Test {};
SCALAR_TESTS(PatchTest, krate::testing::Scalars);

SCALAR_TEST(PatchTest, MatchesHostOracleAndGoesBack) {
  for (auto const& c : patch_cases) {
    Array const images = to_array(view<TypeParam, 4>(filled(30, c.images())));
    Array const patches = patches_of<TypeParam>(c, images);
    EXPECT_TRUE(same_bits(patches, patch_oracle(c, images)));
    EXPECT_TRUE(same_bits(images_of<TypeParam>(c, patches), images));  // a permutation: its adjoint is its inverse
  }
}

SCALAR_TEST(PatchTest, ChannelIsFastest) {
  Array image({1, 2, 2, 4});  // value = 100 channel + 10 row + column
  for (std::size_t k = 0; k < 16; ++k) image.data[k] = static_cast<double>(100 * (k / 8) + 10 * (k / 4 % 2) + k % 4);
  Array const patches = patches_of<TypeParam>({1, 2, 2, 4, {2, 2}}, image);
  EXPECT_EQ(patches.data, (std::vector<double>{0, 100, 1, 101, 10, 110, 11, 111, 2, 102, 3, 103, 12, 112, 13, 113}));
}

SCALAR_TEST(PatchTest, NoImages) {
  PatchCase const c{0, 3, 4, 4, {2, 2}};
  EXPECT_EQ(patches_of<TypeParam>(c, Array(c.images())).size(), 0u);
  EXPECT_EQ(images_of<TypeParam>(c, Array(c.patches())).size(), 0u);
}

SCALAR_TEST(PatchTest, SaysWhatIsWrongAndConduct) {
  using T = TypeParam;
  TestSpace const space;
  auto const images = view<T, 4>(Array({1, 3, 9, 8}));
  auto const patches = view<T, 2>(Array({6, 36}));
  EXPECT_ERROR(krate::ShapeError,
               "krate::patchify: images has height and width [9, 8], expected multiples of the patch [4, 4]",
               krate::patchify(space, images, {4, 4}, patches));
  EXPECT_ERROR(krate::ValueError, "patch_width = 0, but it must be positive",
               krate::patchify(space, images, {3, 0}, patches));
  EXPECT_ERROR(krate::ShapeError, "krate::patchify: patches has shape [6, 36], expected [12, 18]",
               krate::patchify(space, images, {3, 2}, patches));
  EXPECT_ERROR(krate::ShapeError, "krate::patchify_backward: dpatches has shape [6, 36], expected [12, 18]",
               krate::patchify_backward(space, patches, {3, 2}, images));
  expect_good_conduct(space, [&] { krate::patchify(space, images, {3, 4}, patches); });
  expect_good_conduct(space, [&] { krate::patchify_backward(space, patches, {3, 4}, images); });
}

// ---- token embedding

struct TokenGradients {
  Array patches, class_token, positions;
};

template <class T>
Array embed(std::size_t batch, Array const& patches, Array const& class_token, Array const& positions) {
  Guarded<TestSpace, T, 3> out(batch, positions.extent(0), positions.extent(1));
  krate::embed_tokens(TestSpace(), view<T, 2>(patches), view<T, 1>(class_token), view<T, 2>(positions), out.view());
  EXPECT_TRUE(out.intact());
  return out.array();
}

/// Parameter gradients on top of 1.
template <class T>
TokenGradients embed_back(Array const& dtokens, TestSpace const& space = {}) {
  std::size_t const batch = dtokens.extent(0), n = dtokens.extent(1), dim = dtokens.extent(2);
  Guarded<TestSpace, T, 2> patches(batch * (n - 1), dim), positions(n, dim);
  Guarded<TestSpace, T, 1> class_token(dim);
  krate::testing::set_all(positions.view(), T(1));
  krate::testing::set_all(class_token.view(), T(1));
  krate::embed_tokens_backward(space, view<T, 3>(dtokens), patches.view(), class_token.view(), positions.view());
  space.fence("krate::test");
  EXPECT_TRUE(patches.intact() && positions.intact() && class_token.intact());
  TokenGradients g{patches.array(), class_token.array(), positions.array()};
  for (double& v : g.class_token.data) v -= 1;
  for (double& v : g.positions.data) v -= 1;
  return g;
}

template <class T>
struct TokenEmbeddingTest : ::testing::Test {};
SCALAR_TESTS(TokenEmbeddingTest, krate::testing::Scalars);

SCALAR_TEST(TokenEmbeddingTest, MatchesHostOracle) {
  using T = TypeParam;
  for (auto const& size : {std::array<std::size_t, 3>{3, 5, 20}, {1, 1, 1}, {2, 2, 33}, {4, 1, 7}, {0, 3, 2}}) {
    auto const [batch, n, dim] = size;
    Array const patches = filled(40, {batch * (n - 1), dim}), class_token = filled(41, {dim});
    Array const positions = filled(42, {n, dim}), dtokens = filled(43, {batch, n, dim});
    Array tokens({batch, n, dim}), dpatches({batch * (n - 1), dim}), dclass({dim}), dpositions({n, dim});
    for (std::size_t b = 0; b < batch; ++b)
      for (std::size_t t = 0; t < n; ++t)
        for (std::size_t j = 0; j < dim; ++j) {
          tokens(b, t, j) = (t ? patches(b * (n - 1) + t - 1, j) : class_token(j)) + positions(t, j);
          dpositions(t, j) += dtokens(b, t, j);
          if (t == 0) dclass(j) += dtokens(b, t, j);
          if (t > 0) dpatches(b * (n - 1) + t - 1, j) = dtokens(b, t, j);
        }
    EXPECT_LE(worst_error(embed<T>(batch, patches, class_token, positions), tokens), tolerance<T>(1));
    auto const g = embed_back<T>(dtokens);
    EXPECT_LE(worst_error(g.patches, dpatches), tolerance<T>(1));
    EXPECT_LE(worst_error(g.class_token, dclass), tolerance<T>(batch));
    EXPECT_LE(worst_error(g.positions, dpositions), tolerance<T>(batch));
  }
}

SCALAR_TEST(TokenEmbeddingTest, BackwardIsTheAdjoint) {
  if (std::is_same_v<TypeParam, float>) return;
  Array const patches = filled(44, {6, 5}), class_token = filled(45, {5}), positions = filled(46, {3, 5});
  Array const dtokens = filled(47, {3, 3, 5});
  auto const g = embed_back<double>(dtokens);
  double const expected = dot(embed<double>(3, patches, class_token, positions), dtokens);
  EXPECT_NEAR(dot(g.patches, patches) + dot(g.class_token, class_token) + dot(g.positions, positions), expected, 1e-13);
  auto const loss_of = [&](int which) {
    return [&, which](Array const& v) {
      return dot(embed<double>(3, which == 0 ? v : patches, which == 1 ? v : class_token, which == 2 ? v : positions),
                 dtokens);
    };
  };
  EXPECT_LE(krate::testing::gradient_error(loss_of(0), patches, g.patches), 1e-9);
  EXPECT_LE(krate::testing::gradient_error(loss_of(1), class_token, g.class_token), 1e-9);
  EXPECT_LE(krate::testing::gradient_error(loss_of(2), positions, g.positions), 1e-9);
}

SCALAR_TEST(TokenEmbeddingTest, RepeatsErrorsConduct) {
  using T = TypeParam;
  TestSpace const space;
  Array const dtokens = filled(48, {37, 4, 19});
  auto const one = embed_back<T>(dtokens), two = embed_back<T>(dtokens, one_thread());
  EXPECT_TRUE(same_bits(one.positions, two.positions) && same_bits(one.class_token, two.class_token));
  auto const tokens = view<T, 3>(Array({2, 3, 4}));
  auto const patches = view<T, 2>(Array({4, 4})), positions = view<T, 2>(Array({3, 4})),
             wrong = view<T, 2>(Array({6, 4}));
  auto const class_token = view<T, 1>(Array({4}));
  EXPECT_ERROR(krate::ShapeError, "krate::embed_tokens: patch_tokens has shape [6, 4], expected [4, 4]",
               krate::embed_tokens(space, wrong, class_token, positions, tokens));
  EXPECT_ERROR(krate::ShapeError, "krate::embed_tokens_backward: dtokens has shape [2, 3, 4], expected [2, 6, 4]",
               krate::embed_tokens_backward(space, tokens, patches, class_token, wrong));
  EXPECT_ERROR(krate::ValueError, "positions.extent(0) = 0, but it must have a row",
               krate::embed_tokens(space, patches, class_token, view<T, 2>(Array({0, 4})), tokens));
  expect_good_conduct(space, [&] { krate::embed_tokens(space, patches, class_token, positions, tokens); });
  expect_good_conduct(space, [&] { krate::embed_tokens_backward(space, tokens, patches, class_token, positions); });
}

// ---- pooling

template <class T>
Array pooled(Array const& tokens, Pool pool) {
  Guarded<TestSpace, T, 2> out(tokens.extent(0), tokens.extent(2));
  krate::pool_tokens(TestSpace(), view<T, 3>(tokens), pool, out.view());
  EXPECT_TRUE(out.intact());
  return out.array();
}
template <class T>
Array pooled_back(Array const& dpooled, Pool pool, std::size_t n) {
  Guarded<TestSpace, T, 3> out(dpooled.extent(0), n, dpooled.extent(1));
  krate::pool_tokens_backward(TestSpace(), view<T, 2>(dpooled), pool, out.view());
  EXPECT_TRUE(out.intact());
  return out.array();
}

template <class T>
struct PoolTest : ::testing::Test {};
SCALAR_TESTS(PoolTest, krate::testing::Scalars);

SCALAR_TEST(PoolTest, MatchesHostOracle) {
  using T = TypeParam;
  for (auto const& size : {std::array<std::size_t, 3>{3, 5, 20}, {1, 1, 1}, {2, 4, 33}, {0, 3, 2}}) {
    auto const [batch, n, dim] = size;
    Array const tokens = filled(50, {batch, n, dim}), g = filled(51, {batch, dim});
    Array first({batch, dim}), mean({batch, dim}), dfirst({batch, n, dim}), dmean({batch, n, dim});
    for (std::size_t b = 0; b < batch; ++b)
      for (std::size_t j = 0; j < dim; ++j) {
        first(b, j) = tokens(b, 0, j);
        dfirst(b, 0, j) = g(b, j);
        for (std::size_t t = 0; t < n; ++t) {
          mean(b, j) += tokens(b, t, j) / static_cast<double>(n);
          dmean(b, t, j) = g(b, j) / static_cast<double>(n);
        }
      }
    EXPECT_LE(worst_error(pooled<T>(tokens, Pool::cls), first), tolerance<T>(1));
    EXPECT_LE(worst_error(pooled<T>(tokens, Pool::mean), mean), tolerance<T>(n));
    EXPECT_LE(worst_error(pooled_back<T>(g, Pool::cls, n), dfirst), tolerance<T>(1));
    EXPECT_LE(worst_error(pooled_back<T>(g, Pool::mean, n), dmean), tolerance<T>(1));
  }
}

SCALAR_TEST(PoolTest, GradientPropertyErrorsConduct) {
  using T = TypeParam;
  TestSpace const space;
  Array const tokens = filled(52, {2, 3, 5}), g = filled(53, {2, 5});
  for (Pool const pool : {Pool::cls, Pool::mean}) {
    Array const back = pooled_back<T>(g, pool, 3);
    if (std::is_same_v<T, double>) {
      auto const loss = [&](Array const& v) { return dot(pooled<double>(v, pool), g); };
      EXPECT_LE(krate::testing::gradient_error(loss, tokens, back), 1e-9);
    }
    EXPECT_TRUE(same_bits(pooled<T>(tokens, pool), pooled<T>(tokens, pool)));
  }
  auto const t3 = view<T, 3>(tokens), none = view<T, 3>(Array({2, 0, 5}));
  auto const p2 = view<T, 2>(g), wrong = view<T, 2>(Array({2, 4}));
  EXPECT_ERROR(krate::ShapeError, "krate::pool_tokens: pooled has shape [2, 4], expected [2, 5]",
               krate::pool_tokens(space, t3, Pool::mean, wrong));
  EXPECT_ERROR(krate::ShapeError, "krate::pool_tokens_backward: dpooled has shape [2, 4], expected [2, 5]",
               krate::pool_tokens_backward(space, wrong, Pool::cls, t3));
  EXPECT_ERROR(krate::ValueError, "tokens.extent(1) = 0, but it must be positive",
               krate::pool_tokens(space, none, Pool::cls, p2));
  expect_good_conduct(space, [&] { krate::pool_tokens(space, t3, Pool::mean, p2); });
  expect_good_conduct(space, [&] { krate::pool_tokens_backward(space, p2, Pool::mean, t3); });
}

}  // namespace
