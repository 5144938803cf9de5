// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cmath>

#include "krate/models/flatnet_builder.hpp"
#include "support/checks.hpp"

namespace {

using krate::HostMatrix;
using krate::models::FlatnetChoice;
using krate::models::FlatnetLayer;
using krate::models::FlatnetOptions;
using Flatnet = krate::models::Flatnet<TestSpace>;
using FlatnetBuilder = krate::models::FlatnetBuilder<TestSpace>;
using TangentFit = krate::models::TangentFit<TestSpace>;

inline HostMatrix as_matrix(Array const& a) {
  HostMatrix m(a.extent(0), a.extent(1));
  m.values = a.data;
  return m;
}
inline double largest_gap(std::vector<double> const& a, std::vector<double> const& b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    double const gap = std::abs(a[i] - b[i]);
    if (!(gap <= most)) most = gap;
  }
  return most;
}
inline std::vector<double> projector(HostMatrix const& u) {
  return multiply(u, transpose(u)).values;
}

enum class Way { encode, decode };
/// Rows through a whole model, or one layer of it.
inline Array through(Flatnet const& model, Way way, Array const& rows, int layer = -1) {
  TestSpace const space;
  Guarded<TestSpace, double, 2> z(rows.extent(0), rows.extent(1));
  krate::testing::assign(z.view(), rows);
  krate::Arena<TestSpace> const arena(space, model.workspace(rows.extent(0)));
  krate::Matrix<double, TestSpace> const v(z.view().data(), rows.extent(0), rows.extent(1));
  auto const i = static_cast<std::size_t>(layer);
  if (way == Way::encode)
    layer < 0 ? model.encode(space, v, arena.workspace()) : model.encode(space, i, v, arena.workspace());
  if (way == Way::decode)
    layer < 0 ? model.decode(space, v, arena.workspace()) : model.decode(space, i, v, arena.workspace());
  EXPECT_TRUE(z.intact());
  return z.array();
}

inline Array rows_of(krate::ConstMatrix<double, TestSpace> const& z) {
  TestSpace().fence("krate::test: rows are read");
  return to_array(z);
}

/// |X - Y|^2 / rows
inline double mean_square(Array const& x, Array const& y) {
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += (x(i) - y(i)) * (x(i) - y(i));
  return sum / static_cast<double>(x.extent(0));
}

/// Curve t -> (t, sin t), at t = 2 pi (i + offset) / count.
inline Array sine_wave(std::size_t count, double offset = 0) {
  Array x({count, 2});
  for (std::size_t i = 0; i < count; ++i) {
    x(i, 0) = 2 * M_PI * (static_cast<double>(i) + offset) / static_cast<double>(count);
    x(i, 1) = std::sin(x(i, 0));
  }
  return x;
}

/// Random numbers with the columns of a frame.
inline HostMatrix random_matrix(std::size_t rows, std::size_t columns, std::uint64_t seed) {
  krate::Random const random(krate::Seed{seed}, 77);
  HostMatrix m(rows, columns);
  for (std::size_t i = 0; i < m.values.size(); ++i) m.values[i] = random.normal(i);
  return m;
}

}  // namespace
