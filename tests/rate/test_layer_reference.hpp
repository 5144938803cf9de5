// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The measures of tests/data/crate_tiny_cls.h5: coding rates of LN1(z) U^T and densities of tokens, layer by layer.
#pragma once

#include "krate/io/hdf5.hpp"
#include "rate/runs.hpp"
#include "support/reference_file.hpp"

namespace {

template <class T>
struct LayerReferenceTest : ::testing::Test {
  krate::io::File file = krate::io::File::open(krate::testing::reference_file("crate_tiny_cls.h5"));
  Array read(std::string const& path) const {
    Array a;
    a.data = file.read_all<double>(path, &a.shape);
    return a;
  }
  /// LN1(z) U^T by plain loops.
  Array projections(Array const& z, std::string const& layer) const {
    Array const scale = read(layer + ".norm.weight"), shift = read(layer + ".norm.bias");
    Array const u = read(layer + ".fn.qkv.weight");
    std::size_t const d = z.extent(2), rows = z.extent(0) * z.extent(1);
    Array x = z.reshaped({rows, d});
    for (std::size_t i = 0; i < rows; ++i) {
      double mean = 0, variance = 0;
      for (std::size_t j = 0; j < d; ++j) mean += x(i, j) / static_cast<double>(d);
      for (std::size_t j = 0; j < d; ++j) variance += (x(i, j) - mean) * (x(i, j) - mean) / static_cast<double>(d);
      for (std::size_t j = 0; j < d; ++j) x(i, j) = (x(i, j) - mean) / std::sqrt(variance + 1e-5) * scale(j) + shift(j);
    }
    return product(x, transpose_of(u)).reshaped({z.extent(0), z.extent(1), u.extent(0)});
  }
};
SCALAR_TESTS(LayerReferenceTest, krate::testing::Scalars);

SCALAR_TEST(LayerReferenceTest, MeasuresOfAWholeModel) {
  using T = TypeParam;
  Array const rates = this->read("/measures/coding_rate"), densities = this->read("/measures/density");
  std::size_t const batch = rates.extent(1);
  Array z = this->read("/intermediate/embedding");
  for (std::size_t l = 0; l < rates.extent(0); ++l) {
    Array const w = this->projections(z, "/params/transformer.layers." + std::to_string(l) + ".0");
    z = this->read("/intermediate/block_" + std::to_string(l) + "/tokens");
    Array const r = run_projection_rate<T>(w, 4, 0.01), density = run_density<T>(z);
    for (std::size_t b = 0; b < batch; ++b) {
      EXPECT_NEAR(r(b), rates(l, b), (std::is_same_v<T, float> ? 1e-5 : 1e-12) * rates(l, b));
      EXPECT_NEAR(density(b), densities(l, b), 1e-15);
    }
  }
}

}  // namespace
