// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

// Layers of tests/data/csc.h5 (tests/data/README.md), and the numbers of the reference page.

#include <string>

#include "krate/io/hdf5.hpp"
#include "sparse/conv_runs.hpp"
#include "support/reference_file.hpp"

namespace {

struct ConvLayers {
  krate::io::File const file = krate::io::File::open(krate::testing::reference_file("csc.h5"));
  std::string path;
  ConvShape shape;
  double lambda = 0, mu = 0, step = 0;
  bool nonnegative = false;

  Array read(std::string const& name) const {
    Array a;
    a.data = file.read_all<double>(path + name, &a.shape);
    return a;
  }
  Array rows(std::string const& name) const { return krate::testing::channels_last(read(name)); }
  void choose(std::string const& name) {
    path = "/layer/" + name + "/";
    auto const about = file.attributes("/layer/" + name);
    auto const count = [&](char const* key) { return static_cast<std::size_t>(about.get<std::int64_t>(key)); };
    Array const x = read("x"), w = read("W");
    shape = {x.extent(0), x.extent(1),     x.extent(2),     x.extent(3),
             w.extent(0), count("kernel"), count("stride"), count("padding")};
    lambda = about.get<double>("lam");
    mu = about.get<double>("mu");
    step = about.get<double>("step");
    nonnegative = count("nonnegative") != 0;
  }
  Array dict(char const* name = "W") const { return read(name).reshaped({shape.atoms, shape.patch()}); }
  ConvCodeOptions options(ConvCodeOptions::Method method, std::size_t steps) const {
    return {method, steps, step, lambda, mu, nonnegative};
  }
};

template <class T>
struct ConvReference : ::testing::Test {};
SCALAR_TESTS(ConvReference, krate::testing::OnlyDouble);

constexpr std::pair<ConvCodeOptions::Method, char const*> methods[] = {
    {ConvCodeOptions::Method::ista, "ista"},
    {ConvCodeOptions::Method::fista, "fista"},
    {ConvCodeOptions::Method::fista_as_coded, "as_coded"}};

SCALAR_TEST(ConvReference, EveryLayer) {
  ConvLayers layers;
  for (auto const* name : {"all_zero_code", "k1_s1", "k3_s1", "k3_s1_nonneg_mu", "k3_s2_even", "k3_s2_odd",
                           "k4_s1_full", "k4_s2", "k5_s1", "k5_s2", "no_penalty", "page"}) {
    SCOPED_TRACE(name);
    layers.choose(name);
    Array const x = layers.rows("x"), w = layers.dict(), upstream = layers.rows("upstream");
    auto const raw = view<double, 2>(layers.dict("W_raw"));
    krate::normalize_atoms(TestSpace(), raw);
    EXPECT_LE(worst_error(to_array(raw), w), 1e-14);
    EXPECT_NEAR(largest_eigenvalue<double>(layers.shape, w, 3000), 0.9 / layers.step, 1e-3 / layers.step);  // K2
    for (auto const& [method, word] : methods) {
      Array const objective = layers.read(std::string("objective_") + word);
      for (std::size_t const steps : {1, 2, 5, 10, 50, 100}) {
        CodeRun<double> run(layers.shape, layers.options(method, steps));
        Array const code = run.forward(x, w);
        std::string const stored = std::string("code_") + (steps < 10 ? "fista" : word) + "_" + std::to_string(steps);
        double const bound = steps == 100 ? 1e-9 : 1e-10;
        if (layers.file.exists(layers.path + stored)) {
          EXPECT_LE(worst_error(code, layers.rows(stored)), bound);
        }
        std::size_t const at = steps <= 10 ? steps - 1 : steps == 50 ? 11 : 12;
        EXPECT_NEAR(code_objective(layers.shape, x, w, code, layers.lambda, layers.mu), objective(at),
                    bound * objective(at));
      }
      CodeRun<double> run(layers.shape, layers.options(method, 4));
      run.forward(x, w);
      auto const found = run.backward(x, w, upstream);
      EXPECT_LE(worst_error(found[0], layers.rows(std::string("dx_") + word + "_4")), 1e-10);
      EXPECT_LE(worst_error(found[1], layers.read(std::string("dW_") + word + "_4")), 1e-10);
    }
    for (std::size_t const steps : {1, 2}) {
      CodeRun<double> run(layers.shape, layers.options(ConvCodeOptions::Method::fista, steps));
      run.forward(x, w);
      auto const found = run.backward(x, w, upstream);
      EXPECT_LE(worst_error(found[0], layers.rows("dx_steps_" + std::to_string(steps))), 1e-10);
      EXPECT_LE(worst_error(found[1], layers.read("dW_steps_" + std::to_string(steps))), 1e-10);
    }
    if (!layers.file.exists(layers.path + "implicit_dx")) continue;
    auto const found =
        implicit_gradients<double>(layers.shape, x, w, layers.mu, layers.rows("code_converged"), upstream, 200);
    EXPECT_LE(worst_error(found[0], layers.rows("implicit_dx")), 1e-9);
    EXPECT_LE(worst_error(found[1], layers.read("implicit_dW")), 1e-9);
  }
}

SCALAR_TEST(ConvReference, NumbersOfThePage) {
  ConvShape const s{1, 2, 4, 4, 3, 3, 1, 1};
  Array x({1, 2, 4, 4}), w({3, 18});
  for (std::size_t k = 0; k < x.size(); ++k) x.data[k] = std::sin(0.37 * static_cast<double>(k) + 0.1);
  for (std::size_t k = 0; k < w.size(); ++k) w.data[k] = std::cos(0.61 * static_cast<double>(k) + 0.2);
  w = unit_atoms(w);
  double const norm = largest_eigenvalue<double>(s, w, 2000);
  EXPECT_NEAR(norm, 8.00105039960647, 1e-11);
  double const fista[] = {3.944649221284, 2.638454672439, 2.072310535342, 1.828004881769, 1.720688218804},
               as_coded[] = {3.944649221284, 2.638454672439, 2.036016980884, 1.816228814815, 1.736986990915};
  Array const pixels = krate::testing::channels_last(x);
  for (std::size_t steps = 1; steps <= 5; ++steps) {
    auto const value = [&](ConvCodeOptions::Method method) {
      CodeRun<double> run(s, {method, steps, 0.9 / norm, 0.1, 0, true});
      return code_objective(s, pixels, w, run.forward(pixels, w), 0.1, 0);
    };
    EXPECT_NEAR(value(ConvCodeOptions::Method::fista), fista[steps - 1], 2e-11);
    EXPECT_NEAR(value(ConvCodeOptions::Method::fista_as_coded), as_coded[steps - 1], 2e-11);
  }
}

}  // namespace
