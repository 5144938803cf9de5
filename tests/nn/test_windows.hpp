// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What convolutions see of images, and where patches are.
#include "krate/nn/fourier_positions.hpp"
#include "krate/nn/windows.hpp"
#include "support/checks.hpp"

namespace {

using krate::testing::dot;

struct WindowShape {
  std::size_t batch, channels, height, width;
  std::size_t rows() const { return batch * krate::windows_along(height) * krate::windows_along(width); }
  std::size_t at(std::size_t b, std::size_t c, std::size_t y, std::size_t x) const {
    return ((b * channels + c) * height + y) * width + x;
  }
};

template <class T>
Array windows_of(Array const& images) {
  WindowShape const s{images.extent(0), images.extent(1), images.extent(2), images.extent(3)};
  Guarded<TestSpace, T, 2> windows(s.rows(), s.channels * 9);
  auto const pixels = view<T, 4>(images);
  krate::gather_windows(TestSpace(), krate::as_pixels<TestSpace>(krate::as_tensor4<TestSpace>(pixels)), windows.view());
  EXPECT_TRUE(windows.intact());
  return windows.array();
}
template <class T>
Array windows_back(Array const& dwindows, WindowShape const& s) {
  Guarded<TestSpace, T, 4> dpixels(s.batch, s.channels, s.height, s.width);
  auto const upstream = view<T, 2>(dwindows);
  krate::gather_windows_backward(TestSpace(), krate::as_matrix<TestSpace>(upstream),
                                 krate::as_pixels<TestSpace>(dpixels.view()));
  EXPECT_TRUE(dpixels.intact());
  return dpixels.array();
}

template <class T>
struct WindowsTest : ::testing::Test {};
SCALAR_TESTS(WindowsTest, krate::testing::Scalars);

SCALAR_TEST(WindowsTest, MatchPlainLoopsInBothLayoutsAndDirections) {
  using T = TypeParam;
  for (auto const& s : {WindowShape{2, 3, 6, 4}, {1, 1, 1, 1}, {2, 2, 5, 7}, {1, 40, 2, 2}, {0, 3, 4, 4}}) {
    Array const images = to_array(view<T, 4>(filled(1, {s.batch, s.channels, s.height, s.width})));
    Array rows({s.batch * s.height * s.width, s.channels}), expected({s.rows(), s.channels * 9});
    Array const upstream = to_array(view<T, 2>(filled(2, expected.shape)));
    Array back(images.shape);
    std::size_t r = 0;
    for (std::size_t b = 0; b < s.batch; ++b) {
      for (std::size_t y = 0; y < s.height; ++y)
        for (std::size_t x = 0; x < s.width; ++x)
          for (std::size_t c = 0; c < s.channels; ++c)
            rows((b * s.height + y) * s.width + x, c) = images.data[s.at(b, c, y, x)];
      for (std::size_t i = 0; i < krate::windows_along(s.height); ++i)
        for (std::size_t j = 0; j < krate::windows_along(s.width); ++j, ++r)
          for (std::size_t k = 0; k < 9 * s.channels; ++k) {
            std::size_t const y = 2 * i + k % 9 / 3, x = 2 * j + k % 3;  // one more than in the image
            bool const inside = y > 0 && x > 0 && y <= s.height && x <= s.width;
            expected(r, k) = inside ? images.data[s.at(b, k / 9, y - 1, x - 1)] : 0;
            if (inside) back.data[s.at(b, k / 9, y - 1, x - 1)] += upstream(r, k);
          }
    }
    EXPECT_EQ(windows_of<T>(images).data, expected.data);
    EXPECT_LE(worst_error(windows_back<T>(upstream, s), back), tolerance<T>(4));
    Guarded<TestSpace, T, 2> windows(s.rows(), s.channels * 9);
    auto const packed = view<T, 2>(rows);
    krate::gather_windows(TestSpace(),
                          krate::as_pixels<TestSpace>(krate::as_matrix<TestSpace>(packed), s.height, s.width),
                          windows.view());
    EXPECT_EQ(windows.array().data, expected.data);
  }
}

SCALAR_TEST(WindowsTest, GradientErrorsRepeatsConduct) {
  using T = TypeParam;
  TestSpace const space;
  WindowShape const s{2, 2, 5, 4};
  Array const images = filled(1, {2, 2, 5, 4}), upstream = filled(2, {s.rows(), 18});
  if (std::is_same_v<T, double>) {
    auto const loss = [&](Array const& v) { return dot(windows_of<double>(v), upstream); };
    EXPECT_LE(krate::testing::gradient_error(loss, images, windows_back<double>(upstream, s)), 1e-9);
  }
  EXPECT_TRUE(same_bits(windows_back<T>(upstream, s), windows_back<T>(upstream, s)));
  auto const images_view = view<T, 4>(images);
  auto const pixels = krate::as_pixels<TestSpace>(krate::as_tensor4<TestSpace>(images_view));
  auto const windows = view<T, 2>(upstream), few = view<T, 2>(Array({2, 18}));
  auto const rows = krate::as_matrix<TestSpace>(windows), short_rows = krate::as_matrix<TestSpace>(few);
  EXPECT_ERROR(krate::ShapeError, "krate::gather_windows: windows", krate::gather_windows(space, pixels, short_rows));
  EXPECT_ERROR(krate::ShapeError, "krate::gather_windows_backward: dwindows",
               krate::gather_windows_backward(space, short_rows, pixels));
  expect_good_conduct(space, [&] { krate::gather_windows(space, pixels, rows); });
  expect_good_conduct(space, [&] { krate::gather_windows_backward(space, rows, pixels); });
}

SCALAR_TEST(WindowsTest, FourierPositionsAreTheFormula) {
  using T = TypeParam;
  for (auto const& [rows, columns] : {std::pair<std::size_t, std::size_t>{3, 4}, {1, 1}, {5, 2}, {0, 3}}) {
    Guarded<TestSpace, T, 2> table(rows * columns, std::size_t(64));
    krate::fourier_positions(TestSpace(), rows, columns, table.view());
    EXPECT_TRUE(table.intact());
    Array const found = table.array();
    for (std::size_t t = 0; t < rows * columns; ++t)
      for (std::size_t k = 0; k < 64; ++k) {
        bool const of_row = k < 32;
        double const place = static_cast<double>((of_row ? t / columns : t % columns) + 1),
                     most = static_cast<double>(of_row ? rows : columns) + 1e-6, i = static_cast<double>(k % 32 / 2);
        double const angle = 2 * std::acos(-1.0) * place / most / std::pow(10000.0, 2 * i / 32);
        EXPECT_NEAR(found(t, k), k % 2 == 0 ? std::sin(angle) : std::cos(angle), tolerance<T>(1));
      }
  }
  auto const wrong = view<T, 2>(Array({12, 63}));
  EXPECT_ERROR(krate::ShapeError, "krate::fourier_positions: table",
               krate::fourier_positions(TestSpace(), 3, 4, wrong));
  auto const table = view<T, 2>(Array({12, 64}));
  expect_good_conduct(TestSpace(), [&] { krate::fourier_positions(TestSpace(), 3, 4, table); });
}

}  // namespace
