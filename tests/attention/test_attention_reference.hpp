// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The attention of causal CRATE and CRATE-BERT (tests/data/README.md).
#pragma once

#include <string>

#include "attention/attend.hpp"
#include "krate/attention/mssa.hpp"
#include "krate/io/hdf5.hpp"
#include "support/reference_file.hpp"

namespace krate::testing {
namespace {

inline Array read_array(io::File const& file, std::string const& path) {
  Array a;
  a.data = file.read_all<double>(path, &a.shape);
  return a;
}

/// Layer norm of each row, by plain loops.
inline Array normalised(Array x, Array const& weight, Array const& bias, double eps) {
  std::size_t const d = weight.size();
  for (std::size_t row = 0; row < x.size() / d; ++row) {
    double mean = 0, variance = 0;
    for (std::size_t c = 0; c < d; ++c) mean += x.data[row * d + c] / static_cast<double>(d);
    for (std::size_t c = 0; c < d; ++c) variance += std::pow(x.data[row * d + c] - mean, 2) / static_cast<double>(d);
    for (std::size_t c = 0; c < d; ++c)
      x.data[row * d + c] = (x.data[row * d + c] - mean) / std::sqrt(variance + eps) * weight(c) + bias(c);
  }
  return x;
}

template <class Scalar>
struct AttentionReference : ::testing::Test {
  struct Names {
    std::string norm, projection, output, bias;
  };
  void expect_attention(io::File const& file, int block, std::size_t heads, Names const& names,
                        OracleMask const& mask) {
    TestSpace space;
    std::string const before = block == 0 ? "embedding" : "block_" + std::to_string(block - 1) + "/tokens";
    Array const x =
        normalised(read_array(file, "/intermediate/" + before), read_array(file, "/params/" + names.norm + ".weight"),
                   read_array(file, "/params/" + names.norm + ".bias"), 1e-5);
    auto const u = to_view<TestSpace, Scalar, 2>(read_array(file, "/params/" + names.projection)),
               o = to_view<TestSpace, Scalar, 2>(read_array(file, "/params/" + names.output));
    auto const b =
        to_view<TestSpace, Scalar, 1>(names.bias.empty() ? Array({0}) : read_array(file, "/params/" + names.bias));
    std::size_t const batch = x.extent(0), n = x.extent(1), dim = x.extent(2);
    Mssa<TestSpace, Scalar> layer(space, {.dim = dim, .heads = heads, .max_batch = batch, .max_tokens = n});
    Guarded<TestSpace, Scalar, 3> y(batch, n, dim);
    KeptMask const kept(mask);
    layer.forward(space, to_view<TestSpace, Scalar, 3>(x), u, o, b, y.view(), kept.mask);
    space.fence("krate::test: attention");
    EXPECT_LE(worst_error(y.array(), read_array(file, "/intermediate/block_" + std::to_string(block) + "/attention")),
              sizeof(Scalar) == 8 ? 1e-12 : 1.3e-5);
  }
};
SCALAR_TESTS(AttentionReference, Scalars);

SCALAR_TEST(AttentionReference, CausalCrate) {
  auto const file = io::File::open(krate::testing::reference_file("crate_causal.h5"));
  for (int const i : {0, 1}) {
    std::string const block = "transformer.h." + std::to_string(i) + ".";
    this->expect_attention(
        file, i, 4,
        {block + "prenorm_1", block + "attn.c_attn.weight", block + "attn.c_proj.weight", block + "attn.c_proj.bias"},
        {true, Array({0, 0})});
  }
}

SCALAR_TEST(AttentionReference, CrateBert) {
  auto const file = io::File::open(krate::testing::reference_file("crate_bert.h5"));
  for (int const i : {0, 1}) {
    std::string const block = "crate.encoder.layer." + std::to_string(i) + ".attention.";
    this->expect_attention(file, i, 3,
                           {block + "self.prenorm", block + "self.qkv.weight", block + "output.dense.weight", ""},
                           {false, read_array(file, "/input/attention_mask")});
  }
}

}  // namespace
}  // namespace krate::testing
