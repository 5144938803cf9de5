// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A whole ReduNet: the published experiment on blobs, what its files hold, and runs that repeat.
#pragma once

#include <filesystem>

#include "krate/train/redunet_builder.hpp"
#include "krate/train/redunet_file.hpp"
#include "support/checks.hpp"
#include "support/redunet_oracle.hpp"

namespace {

/// Normal deviates of width 0.1 around means on the unit sphere, 500 a class.
struct Blobs {
  Array z;
  std::vector<krate::Label> labels;
  Blobs(Array const& means, std::uint64_t seed) : z({500 * means.extent(0), means.extent(1)}), labels(z.extent(0)) {
    for (std::size_t r = 0; r < z.extent(0); ++r) {
      labels[r] = static_cast<krate::Label>(r % means.extent(0));
      for (std::size_t j = 0; j < z.extent(1); ++j) {
        std::uint64_t const e = 2 * (r * z.extent(1) + j);
        double const radius = std::sqrt(-2 * std::log(1 - krate::testing::fill_u(seed, e)));
        double const normal = radius * std::cos(6.283185307179586 * krate::testing::fill_u(seed, e + 1));
        z(r, j) = means(static_cast<std::size_t>(labels[r]), j) + 0.1 * normal;
      }
    }
  }
};

template <class T>
struct BuiltRedunet {
  TestSpace space;
  krate::models::Redunet<TestSpace, T> model;
  Kokkos::View<T**, Kokkos::LayoutRight, krate::DeviceOf<TestSpace>> train, test;
  std::vector<krate::train::RedunetLayerRecord> records;

  BuiltRedunet(Blobs const& train_blobs, Blobs const& test_blobs, krate::models::RedunetConfig const& config)
      : model(space, config), train(view<T, 2>(train_blobs.z)), test(view<T, 2>(test_blobs.z)) {
    auto const train_labels = labels(train_blobs), test_labels = labels(test_blobs);
    records = krate::train::build_redunet<TestSpace, T>(space, {}, model, {train, train_labels}, {test, test_labels});
  }
  static Kokkos::View<krate::Label*, krate::DeviceOf<TestSpace>> labels(Blobs const& blobs) {
    Array a({blobs.labels.size()}, std::vector<double>(blobs.labels.begin(), blobs.labels.end()));
    return view<krate::Label, 1>(a);
  }
};

inline Array unit_vectors(std::size_t n) {
  Array means({n, n});
  for (std::size_t k = 0; k < n; ++k) means(k, k) = 1;
  return means;
}

template <class T>
struct RedunetTest : ::testing::Test {};
SCALAR_TESTS(RedunetTest, krate::testing::Scalars);

/// Rows of the table: layers done, rate reduction. The features after n layers are those that reach the next one.
struct Reproduction {
  char const* name;
  Array means;
  std::vector<std::pair<std::size_t, double>> table;
  double limit;
};

// From an independent program and other random numbers: early values differ by the samples drawn, late ones do not.
SCALAR_TEST(RedunetTest, RateReductionOfBlobsAsReported) {
  using T = TypeParam;
  if constexpr (std::is_same_v<T, double>) {
    double const limit_2 = std::log(11.0) - 0.5 * std::log(21.0), limit_3 = 1.5 * std::log(11.0) - 0.5 * std::log(31.0);
    Array slanted({2, 2}, {0.5, std::sqrt(0.75), 1, 0});
    Reproduction const rows[] = {
        {"2-D",
         unit_vectors(2),
         {{1, .79275}, {10, .80279}, {50, .83669}, {100, .85930}, {200, .87309}, {500, .87563}},
         limit_2},
        {"3-D",
         unit_vectors(3),
         {{1, 1.63647}, {10, 1.66312}, {50, 1.75837}, {100, 1.82734}, {200, 1.87169}, {500, 1.87982}},
         limit_3},
        {"60 degrees",
         slanted,
         {{1, .68432}, {10, .69636}, {50, .74064}, {100, .77733}, {200, .81506}, {500, .85466}, {2000, .87549}},
         limit_2}};
    for (auto const& row : rows) {
      SCOPED_TRACE(row.name);
      std::size_t const classes = row.means.extent(0), layers = row.table.back().first + 1;
      BuiltRedunet<T> const built(Blobs(row.means, 1), Blobs(row.means, 2),
                                  {.dim = classes, .layers = layers, .classes = classes});
      auto const& records = built.records;
      for (auto const& [layer, value] : row.table)
        EXPECT_NEAR(records[layer].rate_reduction(), value, layer < 500 ? 0.01 * value : 1e-4) << layer;
      EXPECT_NEAR(records.back().rate_reduction(), row.limit, 2e-4);
      for (std::size_t l = 1; l < layers; ++l)
        EXPECT_GE(records[l].rate_reduction(), records[l - 1].rate_reduction() - 1e-12) << l;
      EXPECT_EQ(records.back().train.accuracy(), 1);
      EXPECT_EQ(records.back().test.accuracy(), 1);
      EXPECT_EQ(records.back().test.samples, static_cast<std::int64_t>(500 * classes));

      Array const train = to_array(built.train), test = to_array(built.test);
      double within = 1, across = 0;  // cosines
      for (std::size_t r = 0; r < train.extent(0); ++r)
        for (std::size_t s = 0; s < classes; ++s) {
          double cosine = 0;
          for (std::size_t j = 0; j < classes; ++j) cosine += train(r, j) * test(s, j);
          if (r % classes == s) {
            within = std::min(within, cosine);
          } else {
            across = std::max(across, std::abs(cosine));
          }
        }
      EXPECT_GE(within, 0.9999);
      EXPECT_LE(across, 0.03);
    }
  }
}

SCALAR_TEST(RedunetTest, FilesHoldTheModel) {
  using T = TypeParam;
  Blobs const blobs(unit_vectors(3), 1), others(unit_vectors(3), 2);
  BuiltRedunet<T> const built(blobs, others, {.dim = 3, .layers = 4, .classes = 3});
  auto const path = std::filesystem::temp_directory_path() /
                    ("krate_redunet_" + std::to_string(::getpid()) + TestSpace::name() + ".h5");
  krate::train::save_redunet(built.space, {}, built.model, path.string());
  krate::io::CheckpointReader const file(path.string());
  EXPECT_EQ(file.model(), "redunet");
  for (auto const* name : {"expansion", "compression", "weights"})
    EXPECT_TRUE(file.has(std::string("/model/layers/0003/") + name)) << name;
  auto const read = krate::train::load_redunet<TestSpace, T>(built.space, file);
  EXPECT_EQ(read.config(), built.model.config());
  EXPECT_TRUE(same_bits(to_array(read.layer(3).compression), to_array(built.model.layer(3).compression)));

  // The test samples that went along have the bits of those that go through the model that was read.
  auto const z = view<T, 2>(others.z), logits = view<T, 2>(Array({z.extent(0), 3}));
  Bench const bench(read.workspace(z.extent(0)));
  read.forward(bench.space, z, bench.work(), logits);
  EXPECT_TRUE(same_bits(to_array(z), to_array(built.test)));
  std::int64_t correct = 0;
  auto const found = krate::testing::largest_of_rows(to_array(logits));
  for (std::size_t i = 0; i < found.size(); ++i) correct += found[i] == others.labels[i];
  EXPECT_EQ(correct, built.records.back().test.correct);
  EXPECT_ERROR(krate::ValueError, "crate", file.require_model("crate"));
  std::filesystem::remove(path);
}

SCALAR_TEST(RedunetTest, RepeatsToTheBit) {
  using T = TypeParam;
  Blobs const blobs(unit_vectors(2), 1);
  krate::models::RedunetConfig const config{.dim = 2, .layers = 6, .classes = 2};
  BuiltRedunet<T> const one(blobs, blobs, config), two(blobs, blobs, config);
  EXPECT_TRUE(same_bits(to_array(one.train), to_array(two.train)));
  EXPECT_TRUE(same_bits(to_array(one.train), to_array(one.test)));  // labels make no difference
  EXPECT_TRUE(same_bits(to_array(one.model.layer(5).expansion), to_array(two.model.layer(5).expansion)));
}

SCALAR_TEST(RedunetTest, RefusesWhatCannotWork) {
  using T = TypeParam;
  auto const make = [](krate::models::RedunetConfig const& config) {
    return krate::models::Redunet<TestSpace, T>(TestSpace(), config);
  };
  EXPECT_ERROR(krate::ValueError, "krate::models::RedunetConfig: dim = 0, but it must be positive",
               make({.classes = 2}));
  EXPECT_ERROR(krate::ValueError, "krate::models::RedunetConfig: layers = 20000, but it must be at most 10000",
               make({.dim = 2, .layers = 20000, .classes = 2}));
  EXPECT_ERROR(krate::ValueError, "krate::models::RedunetConfig: eps_squared = 0, but it must be positive",
               make({.dim = 2, .classes = 2, .eps_squared = 0}));
  EXPECT_ERROR(krate::ValueError, "krate::models::Redunet::layer: i = 3, but it must be less",
               make({.dim = 2, .layers = 3, .classes = 2}).layer(3));
  Blobs blobs(unit_vectors(2), 1);
  blobs.labels[7] = 2;
  EXPECT_ERROR(krate::NumericalError, "krate::train::build_redunet: matrix 0 is not positive definite",
               BuiltRedunet<T>(blobs, blobs, {.dim = 2, .layers = 2, .classes = 2}));
}

}  // namespace
