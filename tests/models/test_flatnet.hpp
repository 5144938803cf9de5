// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What holds for flattenings, whatever the numbers: gradients, tangent spaces, inverses, flat data, a sine wave.
#pragma once

#include "krate/models/kernel_inverse.hpp"
#include "models/flatnet_runs.hpp"
#include "support/gradient_check.hpp"

namespace {

/// The loss in plain loops: V by normal equations, or as it is given.
struct PlainFit {
  Array y;  ///< offsets
  std::vector<double> kernel;

  std::vector<double> products(std::vector<double> const& c) const {
    std::vector<double> h;
    for (std::size_t a = 0; a < c.size(); ++a)
      for (std::size_t b = a; b < c.size(); ++b) h.push_back(c[a] * c[b]);
    return h;
  }
  double loss(HostMatrix const& u, HostMatrix const& bend) const {
    std::size_t const n = y.extent(0), dim = y.extent(1);
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) {
      std::vector<double> c(u.columns);
      for (std::size_t a = 0; a < u.columns; ++a)
        for (std::size_t j = 0; j < dim; ++j) c[a] += y(i, j) * u(j, a);
      auto const h = products(c);
      for (std::size_t j = 0; j < dim; ++j) {
        double rest = y(i, j);
        for (std::size_t a = 0; a < u.columns; ++a) rest -= c[a] * u(j, a);
        for (std::size_t p = 0; p < h.size(); ++p) rest -= h[p] * bend(p, j);
        sum += kernel[i] * kernel[i] * rest * rest;
      }
    }
    return 0.5 * sum / static_cast<double>(n * dim);
  }
};

template <class Scalar>
struct FlatnetTest : ::testing::Test {
  TestSpace space;
  krate::comm::Communicator comm;
};
SCALAR_TESTS(FlatnetTest, krate::testing::OnlyDouble);

/// X = [T, vech(T T^T) Q^T], turned; the tangent space of row 0 is that of the first d axes.
struct Quadric {
  Array x;
  HostMatrix tangent;
  Quadric(std::size_t dim, std::size_t d, std::size_t count, double bend = 1) : x({count, dim}) {
    auto const turn = orthonormal_columns(random_matrix(dim, dim, 5));
    auto const q = random_matrix(krate::models::pairs_of(d), dim - d, 6);
    krate::Random const random(krate::Seed{7}, 1);
    tangent = HostMatrix(dim, d);
    for (std::size_t j = 0; j < dim; ++j)
      for (std::size_t a = 0; a < d; ++a) tangent(j, a) = turn(j, a);
    for (std::size_t i = 0; i < count; ++i) {
      std::vector<double> row(dim);
      for (std::size_t a = 0; a < d; ++a) row[a] = i == 0 ? 0 : 2 * random.uniform(i * d + a) - 1;
      std::size_t p = 0;
      for (std::size_t a = 0; a < d; ++a)
        for (std::size_t b = a; b < d; ++b, ++p)
          for (std::size_t j = d; j < dim; ++j) row[j] += bend * row[a] * row[b] * q(p, j - d);
      for (std::size_t j = 0; j < dim; ++j)
        for (std::size_t k = 0; k < dim; ++k) x(i, j) += turn(j, k) * row[k];
    }
  }
  std::vector<double> centre() const {
    return {x.data.begin(), x.data.begin() + static_cast<std::ptrdiff_t>(x.extent(1))};
  }
};

SCALAR_TEST(FlatnetTest, GradientOfTheFit) {
  struct Case {
    std::size_t count, dim, d;
    double radius;
  };
  // A block, some chunks of blocks, and as many columns as whole products are for.
  for (auto const& [count, dim, d, radius] :
       {Case{40, 4, 1, 1}, {40, 5, 2, 1}, {40, 6, 3, 1}, {500, 9, 2, 2}, {300, 19, 17, 3}}) {
    Array const x = filled(3, {count, dim});
    std::vector<double> const centre(x.data.begin(), x.data.begin() + static_cast<std::ptrdiff_t>(dim));
    auto const points = view<double, 2>(x);
    TangentFit fit;
    fit.set_neighbourhood(this->space, this->comm, points, centre, radius);
    auto const frame = orthonormal_columns(random_matrix(dim, d, 11));
    auto const form = fit.fit(this->space, this->comm, frame, {.iterations = 1});
    PlainFit plain{x, {}};
    for (std::size_t i = 0; i < x.extent(0); ++i) {
      double square = 0;
      for (std::size_t j = 0; j < dim; ++j) {
        square += (x(i, j) - fit.mean()[j]) * (x(i, j) - fit.mean()[j]);
        plain.y(i, j) = x(i, j) - centre[j];
      }
      plain.kernel.push_back(std::exp(-fit.gamma() * square));
    }
    EXPECT_NEAR(form.loss, plain.loss(frame, form.bend), 1e-15);
    for (std::uint64_t seed = 20; seed < 23; ++seed) {
      auto const direction = random_matrix(dim, d, seed);
      auto const at = [&](double s) {
        auto u = frame;
        for (std::size_t i = 0; i < u.values.size(); ++i) u.values[i] += s * direction.values[i];
        return plain.loss(u, form.bend);
      };
      double const h = 1e-3, numeric = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
      double exact = 0;
      for (std::size_t i = 0; i < direction.values.size(); ++i) exact += direction.values[i] * form.gradient.values[i];
      EXPECT_NEAR(exact, numeric, 1e-9 * std::max(1.0, std::abs(numeric)));
    }
  }
}

SCALAR_TEST(FlatnetTest, FindsTangentSpacesOfQuadrics) {
  for (auto const& [dim, d] : {std::pair<std::size_t, std::size_t>{2, 1}, {6, 2}}) {
    Quadric const quadric(dim, d, 400);
    auto const points = view<double, 2>(quadric.x);
    TangentFit fit;
    fit.set_neighbourhood(this->space, this->comm, points, quadric.centre(), 1.0);
    auto const form = fit.fit(this->space, this->comm, orthonormal_columns(random_matrix(dim, d, 9)), {});
    EXPECT_LE(form.loss, 1e-7);
    EXPECT_LE(largest_gap(projector(form.frame), projector(quadric.tangent)), 1e-3);
    EXPECT_LT(form.iterations, 1000u);
    auto const across = multiply(form.bend, form.frame);
    for (double const v : across.values) EXPECT_LE(std::abs(v), 1e-3);
    EXPECT_EQ(fit.fit(this->space, this->comm, orthonormal_columns(random_matrix(dim, d, 9)), {}).frame, form.frame);
  }
}

SCALAR_TEST(FlatnetTest, KernelBeforeALayer) {
  for (double const alpha : {0.0, 0.1, 0.5, 0.9, 0.99}) {
    for (double const b : {0.0, 1e-5, 1e-2, 0.3, 1.0, 10.0}) {
      for (double const t : {0.0, 0.4, 3.0}) {
        double const gamma = 0.8, k = krate::models::kernel_before_layer(alpha, gamma, t, b);
        double low = b, high = b / ((1 - alpha) * (1 - alpha));
        for (int i = 0; i < 200; ++i) {
          double const x = 0.5 * (low + high), kernel = alpha * std::exp(-gamma * (t + x));
          ((1 - kernel) * (1 - kernel) * x > b ? high : low) = x;
        }
        EXPECT_NEAR(k, alpha * std::exp(-gamma * (t + low)), 1e-12);
        double const x = b / ((1 - k) * (1 - k)), kernel = alpha * std::exp(-gamma * (t + x));
        EXPECT_LE(std::abs((1 - kernel) * (1 - kernel) * x - b), 1e-10 * b);
      }
    }
    double last = -1;  // an encoder layer is one to one along normals
    for (int i = 0; i < 4000; ++i) {
      double const rho = 1e-3 * i, moved = rho * (1 - alpha * std::exp(-rho * rho));
      EXPECT_GT(moved, last);
      last = moved;
    }
  }
}

SCALAR_TEST(FlatnetTest, FlatDataNeedNoLayers) {
  auto const plane = orthonormal_columns(random_matrix(5, 2, 3));
  HostMatrix inside(60, 2);
  inside.values = filled(4, {60, 2}).data;
  Array x({60, 5});
  x.data = multiply(inside, transpose(plane)).values;
  FlatnetBuilder builder(this->space, this->comm, view<double, 2>(x), {});
  while (!builder.finished()) {
    auto const step = builder.step(this->space);
    EXPECT_FALSE(step.accepted);
    EXPECT_LT(step.change, 1e-4);
    EXPECT_EQ(step.layer.frame.columns, 2u);
    EXPECT_EQ(step.layer.alpha, 0.5);
  }
  EXPECT_LT(builder.iteration(), 500u);
  EXPECT_EQ(builder.count(), 10u);
  EXPECT_TRUE(builder.layers().empty());
  auto const model = builder.model(this->space);
  EXPECT_EQ(model.config().manifold_dim(), 0u);
  EXPECT_LE(worst_error(through(model, Way::decode, through(model, Way::encode, x)), x), 1e-14);
}

SCALAR_TEST(FlatnetTest, CountsCandidatesThatChangeNothingAtAWideRadius) {
  auto const x = sine_wave(50);
  std::size_t counted = 0;
  for (std::size_t const dimension : {0u, 1u}) {
    FlatnetOptions options;
    options.iterations = 200;
    options.inner_iterations = 50;
    options.dimension = dimension;
    FlatnetBuilder builder(this->space, this->comm, view<double, 2>(x), options);
    double const wide = builder.diameter() * (dimension > 0 ? 1 : options.largest_radius);
    std::size_t count = 0;
    while (!builder.finished()) {
      auto const step = builder.step(this->space);
      count = !step.accepted && step.radius >= wide ? count + 1 : 0;
      counted += count;
      EXPECT_EQ(builder.count(), count);
    }
  }
  EXPECT_GT(counted, 0u);
}

SCALAR_TEST(FlatnetTest, FlattensASineWave) {
  FlatnetOptions options;
  options.iterations = 150;
  auto const x = sine_wave(50), fresh = sine_wave(50, 0.5);
  FlatnetBuilder builder(this->space, this->comm, view<double, 2>(x), options);
  while (!builder.finished()) builder.step(this->space);
  EXPECT_GE(builder.layers().size(), 50u);
  EXPECT_LE(builder.layers().size(), 130u);
  auto const model = builder.model(this->space);
  EXPECT_EQ(model.config().manifold_dim(), 1u);
  auto const z = through(model, Way::encode, x);
  EXPECT_LE(worst_error(z, rows_of(builder.points())), 1e-15);
  double xx = 0, xy = 0, yy = 0;
  for (std::size_t i = 0; i < 50; ++i) {
    xx += z(i, 0) * z(i, 0);
    xy += z(i, 0) * z(i, 1);
    yy += z(i, 1) * z(i, 1);
  }
  double const mean = 0.5 * (xx + yy), spread = std::sqrt(0.25 * (xx - yy) * (xx - yy) + xy * xy);
  EXPECT_LE(std::sqrt(std::max(0.0, mean - spread) / (mean + spread)), 2e-2);
  double const unit = builder.input().scale * builder.input().scale;
  double const error = mean_square(through(model, Way::decode, z), x) / unit;
  EXPECT_LE(error, 3e-2);
  // The last of the new points lies beyond the curve's end.
  double const error_of_fresh =
      mean_square(through(model, Way::decode, through(model, Way::encode, fresh)), fresh) / unit;
  EXPECT_LE(error_of_fresh, 2 * error + 1e-3);
}

SCALAR_TEST(FlatnetTest, DimensionOfAllSamples) {
  for (auto const& [dim, d] : {std::pair<std::size_t, std::size_t>{2, 1}, {6, 2}, {9, 4}}) {
    FlatnetBuilder builder(this->space, this->comm, view<double, 2>(Quadric(dim, d, 300, 0.2).x), {});
    EXPECT_EQ(builder.find_dimension(this->space), d);
    builder.set_dimension(d);
    EXPECT_EQ(builder.step(this->space).layer.frame.columns, d);
    EXPECT_THROW(builder.set_dimension(dim + 1), krate::ValueError);
  }
}

SCALAR_TEST(FlatnetTest, GoesOnFromARestoredState) {
  auto const x = sine_wave(30);
  FlatnetOptions options;
  options.iterations = 12;
  options.inner_iterations = 100;
  FlatnetBuilder whole(this->space, this->comm, view<double, 2>(x), options), first = whole, second = whole;
  EXPECT_EQ(first.layers().size(), 0u);
  FlatnetBuilder part(this->space, this->comm, view<double, 2>(x), options);
  while (!whole.finished()) whole.step(this->space);
  for (int i = 0; i < 5; ++i) part.step(this->space);
  FlatnetBuilder rest(this->space, this->comm, view<double, 2>(x), options);
  rest.restore(this->space, part.layers(), part.iteration(), part.count());
  while (!rest.finished()) rest.step(this->space);
  EXPECT_EQ(rest.layers(), whole.layers());
}

SCALAR_TEST(FlatnetTest, Errors) {
  auto const expect_error = [](auto const& work, std::string const& text) {
    try {
      work();
      ADD_FAILURE() << "no error: " << text;
    } catch (krate::ValueError const& e) {
      EXPECT_NE(std::string(e.what()).find(text), std::string::npos) << e.what();
    }
  };
  auto const build = [&](Array const& x, FlatnetOptions const& o = {}) {
    FlatnetBuilder(this->space, this->comm, view<double, 2>(x), o);
  };
  expect_error([&] { build(Array({1, 3})); }, "must be at least two");
  expect_error([&] { build(Array({4, 3})); }, "give samples that differ");
  FlatnetOptions options;
  options.alpha_max = 1;
  expect_error([&] { build(sine_wave(5), options); }, "alpha_max = 1, but it must lie between 0 and 1");
  FlatnetBuilder builder(this->space, this->comm, view<double, 2>(sine_wave(5)), {});
  expect_error(
      [&] {
        builder.step(this->space, {9, random_matrix(2, 1, 1), random_matrix(2, 2, 1)});
      },
      "centre = 9, but it must be less than the number of samples");
  expect_error([&] { Flatnet(this->space, krate::models::FlatnetConfig{2, {3}}); }, "layer_dims = 3");
}

}  // namespace
