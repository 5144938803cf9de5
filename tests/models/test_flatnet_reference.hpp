// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// tests/data/flatnet.h5: constructions step by step with every random choice given, the decoder, the scalar equation.
#pragma once

#include "krate/io/hdf5.hpp"
#include "krate/models/kernel_inverse.hpp"
#include "models/flatnet_runs.hpp"
#include "support/reference_file.hpp"

namespace {

template <class Scalar>
struct FlatnetReferenceTest : ::testing::Test {
  TestSpace space;
  krate::comm::Communicator comm;
  krate::io::File const file = krate::io::File::open(krate::testing::reference_file("flatnet.h5"));

  Array read(std::string const& path) const {
    Array a;
    a.data = file.read_all<double>(path, &a.shape);
    return a;
  }
  double number(std::string const& path, std::string const& name) const {
    return file.attributes(path).template get<double>(name);
  }
  FlatnetChoice choice(std::string const& step) const {
    return {static_cast<std::size_t>(number(step, "choice")), as_matrix(read(step + "/gauss_start")),
            as_matrix(read(step + "/gauss_extra"))};
  }
  /// The stored layer.
  FlatnetLayer layer(std::string const& step) const {
    FlatnetLayer l;
    l.frame = as_matrix(read(step + "/U"));
    l.bend = transpose(as_matrix(read(step + "/V")));
    l.mean = read(step + "/mu").data;
    l.centre = read(step + "/z_c").data;
    l.shift = read(step + "/mean").data;
    l.alpha = number(step, "alpha");
    l.gamma = number(step, "gamma");
    l.scale = number(step, "scale");
    return l;
  }
};
SCALAR_TESTS(FlatnetReferenceTest, krate::testing::OnlyDouble);

SCALAR_TEST(FlatnetReferenceTest, BuildsTheStoredLayers) {
  for (std::string const name : {"sine", "arc_in_space", "gaussian_process"}) {
    auto const x = this->read("/" + name + "/X");
    FlatnetOptions options;
    options.inner_iterations = 60;
    options.normalise = false;  // the stored samples were rounded to single precision afterwards
    FlatnetBuilder builder(this->space, this->comm, view<double, 2>(x), options);
    EXPECT_NEAR(builder.diameter(), this->number("/" + name, "emax"), 1e-12);
    auto const dims = this->file.template read_all<std::int64_t>("/" + name + "/layer_dims");
    for (std::size_t j = 0; j < dims.size(); ++j) {
      std::string const path = "/" + name + "/step_" + std::to_string(j);
      SCOPED_TRACE(path);
      double const allowed =
          1e-9 + 1000 * (this->number(path, "disturbance_Z_next") + this->number(path, "disturbance_projector"));
      auto const made = builder.step(this->space, this->choice(path));
      for (std::size_t i = 0; i < made.rounds.size(); ++i) {
        std::string const round = path + "/find_d_" + std::to_string(i);
        EXPECT_EQ(static_cast<double>(made.rounds[i].form.iterations), this->number(round, "iterations"));
        EXPECT_LE(largest_gap(projector(made.rounds[i].form.frame), projector(as_matrix(this->read(round + "/U")))),
                  allowed);
        EXPECT_NEAR(made.rounds[i].error, this->number(round, "error"), allowed);
      }
      EXPECT_FALSE(this->file.exists(path + "/find_d_" + std::to_string(made.rounds.size())));
      EXPECT_LE(largest_gap(projector(made.middle.frame), projector(as_matrix(this->read(path + "/U_mid")))), allowed);
      EXPECT_NEAR(made.rounds.back().form.loss, this->number(path, "loss_dim"), allowed);
      EXPECT_NEAR(made.middle.loss, this->number(path, "loss_mid"), allowed);
      EXPECT_NEAR(made.last.loss, this->number(path, "loss_r"), allowed);
      EXPECT_EQ(static_cast<double>(made.last.iterations), this->number(path, "iterations_r"));
      EXPECT_NEAR(made.radius, this->number(path, "r"), 1e4 * allowed);
      auto const expected = this->layer(path);
      EXPECT_LE(largest_gap(projector(made.layer.frame), projector(expected.frame)), allowed);
      EXPECT_LE(largest_gap(made.layer.bend.values, expected.bend.values), 1e4 * allowed);
      EXPECT_LE(largest_gap(made.layer.mean, expected.mean), 1e4 * allowed);
      EXPECT_LE(largest_gap(made.layer.centre, expected.centre), 1e4 * allowed);
      EXPECT_NEAR(made.change, this->number(path, "change"), 1e4 * allowed);
      EXPECT_TRUE(made.accepted);
      EXPECT_LE(worst_error(rows_of(builder.points()), this->read(path + "/Z_next")), 1e4 * allowed);
    }
    EXPECT_EQ(builder.layers().size(), dims.size());
    auto const model = builder.model(this->space);
    EXPECT_LE(worst_error(through(model, Way::encode, x), this->read("/" + name + "/Z_final")), 1e-6);
    EXPECT_LE(worst_error(through(model, Way::decode, this->read("/" + name + "/Z_final")),
                          this->read("/" + name + "/reconstruction")),
              1e-6);
  }
}

SCALAR_TEST(FlatnetReferenceTest, AppliesTheStoredLayers) {
  for (std::string const name : {"sine", "arc_in_space", "gaussian_process"}) {
    auto const x = this->read("/" + name + "/X");
    std::vector<FlatnetLayer> layers;
    auto z = x;
    for (std::size_t j = 0; this->file.exists("/" + name + "/step_" + std::to_string(j)); ++j) {
      std::string const path = "/" + name + "/step_" + std::to_string(j);
      SCOPED_TRACE(path);
      layers.push_back(this->layer(path));
      Flatnet const one(this->space, {std::vector<double>(x.extent(1)), 1}, {&layers.back(), 1});
      z = through(one, Way::encode, z);
      EXPECT_LE(worst_error(z, this->read(path + "/Z_next")), 1e-13);
      EXPECT_LE(worst_error(through(one, Way::decode, z), this->read(path + "/decoded")), 1e-11);
      z = this->read(path + "/Z_next");
    }
    Flatnet const model(this->space, {std::vector<double>(x.extent(1)), 1}, layers);
    auto const fresh = this->read("/" + name + "/new_points");
    auto const codes = through(model, Way::encode, fresh);
    EXPECT_LE(worst_error(codes, this->read("/" + name + "/new_points_encoded")), 1e-12);
    EXPECT_LE(worst_error(through(model, Way::decode, codes), this->read("/" + name + "/new_points_decoded")), 1e-10);
    EXPECT_EQ(model.layer(this->space, 0), layers[0]);
  }
}

/// The first inner iterations of the fit at the middle radius.
SCALAR_TEST(FlatnetReferenceTest, FitsStepByStep) {
  for (std::string const name : {"sine", "arc_in_space", "gaussian_process"}) {
    std::string const path = "/" + name + "/step_0";
    auto const x = this->read("/" + name + "/X");
    auto const points = view<double, 2>(x);
    TangentFit fit;
    fit.set_neighbourhood(this->space, this->comm, points, this->read(path + "/z_c").data,
                          this->number("/" + name, "r_mid"));
    for (std::size_t i = 0; i < 5; ++i) {
      std::string const at = path + "/fit_mid_" + std::to_string(i);
      SCOPED_TRACE(at);
      auto const form =
          fit.fit(this->space, this->comm, as_matrix(this->read(path + "/U_find_d")), {.iterations = i + 1});
      EXPECT_NEAR(form.loss, this->number(at, "loss"), 1e-12);
      EXPECT_LE(largest_gap(form.gradient.values, this->read(at + "/gradient").data), 1e-10);
      EXPECT_LE(largest_gap(transpose(form.bend).values, this->read(at + "/V").data), 1e-9);
    }
  }
}

SCALAR_TEST(FlatnetReferenceTest, GoldenValuesOfThePage) {
  FlatnetLayer layer;
  layer.frame = as_matrix(this->read("/page/U"));
  layer.bend = transpose(as_matrix(this->read("/page/V")));
  auto const x = this->read("/page/X");
  layer.mean.assign(3, 0);
  for (std::size_t i = 0; i < 8; ++i)
    for (std::size_t j = 0; j < 3; ++j) layer.mean[j] += x(i, j) / 8;
  layer.centre = {x(2, 0), x(2, 1), x(2, 2)};
  layer.shift.assign(3, 0);
  layer.alpha = 0.5;
  layer.gamma = 0.8;
  Flatnet const model(this->space, {std::vector<double>(3), 1}, {&layer, 1});
  auto const encoded = through(model, Way::encode, x), decoded = through(model, Way::decode, encoded);
  std::vector<double> const row{-0.4189165768201171, 0.42558734543918814, 0.4568271007181034};
  std::vector<double> const back{-0.14766269957228018, 0.13686884109428682, 0.6037687490415639};
  for (std::size_t j = 0; j < 3; ++j) {
    EXPECT_NEAR(encoded(5, j), row[j], 1e-14);
    EXPECT_NEAR(decoded(5, j), back[j], 1e-13);
  }
  EXPECT_LE(worst_error(encoded, this->read("/page/encoded")), 1e-14);
  EXPECT_LE(worst_error(decoded, this->read("/page/decoded")), 1e-13);
}

SCALAR_TEST(FlatnetReferenceTest, DecoderInvertsEncoderOnQuadrics) {
  for (std::string const path : {"/exact_quadratic/case_0", "/exact_quadratic/case_1"}) {
    auto const x = this->read(path + "/X");
    for (std::string const alpha : {"0.1", "0.5", "0.9"}) {
      FlatnetLayer layer;
      layer.frame = as_matrix(this->read(path + "/U"));
      layer.bend = transpose(as_matrix(this->read(path + "/V")));
      layer.mean = this->read(path + "/mu").data;
      layer.centre = this->read(path + "/z_c").data;
      layer.shift.assign(x.extent(1), 0);
      layer.alpha = std::stod(alpha);
      layer.gamma = this->number(path, "gamma");
      Flatnet const model(this->space, {std::vector<double>(x.extent(1)), 1}, {&layer, 1});
      auto const encoded = through(model, Way::encode, x);
      EXPECT_LE(worst_error(encoded, this->read(path + "/encoded_alpha_" + alpha)), 1e-13);
      EXPECT_LE(worst_error(through(model, Way::decode, encoded), x), 1e-13);
    }
  }
}

SCALAR_TEST(FlatnetReferenceTest, KernelInverse) {
  auto const alpha = this->read("/kernel_inverse/alpha"), t = this->read("/kernel_inverse/t"),
             b = this->read("/kernel_inverse/b"), k = this->read("/kernel_inverse/k");
  double const gamma = this->number("/kernel_inverse", "gamma");
  for (std::size_t i = 0; i < k.size(); ++i)
    EXPECT_NEAR(krate::models::kernel_before_layer(alpha(i), gamma, t(i), b(i)), k(i), 1e-12) << i;
}

}  // namespace
