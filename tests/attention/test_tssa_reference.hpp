// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// TSSA layers, full and causal, with every gradient (tests/data/README.md).
#pragma once

#include <string>

#include "krate/attention/tssa.hpp"
#include "krate/io/hdf5.hpp"
#include "support/checks.hpp"
#include "support/reference_file.hpp"

namespace krate::testing {
namespace {

template <class Scalar>
struct TssaReference : ::testing::Test {
  static constexpr double bound = sizeof(Scalar) == 8 ? 1e-11 : 2e-5;

  void expect_case(io::File const& file, std::string const& name, bool causal) {
    SCOPED_TRACE(name);
    TestSpace space;
    auto const read = [&](char const* part) {
      Array a;
      a.data = file.read_all<double>(name + part, &a.shape);
      return a;
    };
    Array const x = read("/x"), u = read("/U"), temperature = read("/temp"),
                position = causal ? read("/bias") : Array({0, 0});
    std::size_t const batch = x.extent(0), n = x.extent(1), dim = x.extent(2), inner = u.extent(0);
    TssaOptions const options{temperature.size(), causal ? Mask::causal : Mask::none};
    auto const vx = to_view<TestSpace, Scalar, 3>(x), dy = to_view<TestSpace, Scalar, 3>(read("/dy"));
    auto const vu = to_view<TestSpace, Scalar, 2>(u), vo = to_view<TestSpace, Scalar, 2>(read("/Wout")),
               vp = to_view<TestSpace, Scalar, 2>(position), du = to_view<TestSpace, Scalar, 2>(Array(u.shape)),
               dout = to_view<TestSpace, Scalar, 2>(Array({dim, inner})),
               dp = to_view<TestSpace, Scalar, 2>(Array(position.shape));
    auto const vb = to_view<TestSpace, Scalar, 1>(read("/bU")), vt = to_view<TestSpace, Scalar, 1>(temperature),
               vc = to_view<TestSpace, Scalar, 1>(read("/bout")), db = to_view<TestSpace, Scalar, 1>(Array({inner})),
               dt = to_view<TestSpace, Scalar, 1>(Array(temperature.shape)),
               dc = to_view<TestSpace, Scalar, 1>(Array({dim}));
    Arena<TestSpace> kept(space, measure<TestSpace>([&](auto&work) {
                            TssaSaved<TestSpace, Scalar>::cut(work, batch, n, inner, options);
                          })),
        forward(space, tssa_workspace<TestSpace, Scalar>(batch, n, inner, options)),
        backward(space, tssa_backward_workspace<TestSpace, Scalar>(batch, n, inner, dim, options));
    auto keep = kept.workspace();
    auto const saved = TssaSaved<TestSpace, Scalar>::cut(keep, batch, n, inner, options);
    Guarded<TestSpace, Scalar, 3> y(batch, n, dim), dx(batch, n, dim);
    TssaParameters<TestSpace, Scalar> const parameters{vu, vb, vt, vp, vo, vc}, gradients{du, db, dt, dp, dout, dc};
    tssa(space, vx, parameters, options, forward.workspace(), saved, y.view());
    tssa_backward(space, vx, parameters, options, saved, dy, backward.workspace(), dx.view(), gradients);
    space.fence("krate::test: tssa");
    EXPECT_TRUE(y.intact() && dx.intact());
    auto const agree = [&](Array const& ours, char const* part) {
      EXPECT_LE(worst_error(ours, read(part)), bound) << part;
    };
    agree(y.array(), "/y");
    agree(to_array(saved.projected), "/w");
    agree(to_array(saved.statistics.membership), "/Pi");
    if (!causal) agree(to_array(saved.statistics.energy).reshaped(read("/sigma").shape), "/sigma");
    if (!causal) agree(to_array(saved.statistics.moment).reshaped(read("/m").shape), "/m");
    agree(dx.array(), "/dx");
    agree(to_array(du), "/dU");
    agree(to_array(db), "/dbU");
    agree(to_array(dt), "/dtemp");
    if (causal) agree(to_array(dp), "/dbias");
    agree(to_array(dout), "/dWout");
    agree(to_array(dc), "/dbout");
  }
};
SCALAR_TESTS(TssaReference, Scalars);

SCALAR_TEST(TssaReference, EveryTensorOfEveryCaseAgrees) {
  auto const file = io::File::open(krate::testing::reference_file("tssa.h5"));
  for (std::string const form : {"/full/", "/causal/"})
    for (std::string const name : {"page", "small", "medium", "odd_width", "one_head", "one_token", "dead_channel",
                                   "large_values", "small_values", "zero_head"}) {
      // Float has no digits left of what is small on purpose, or of gradients where a head has all but 1e-4 of a token.
      bool const delicate = name == "zero_head" || form + name == "/causal/one_token";
      if (sizeof(TypeParam) == 8 || !delicate) this->expect_case(file, form + name, form == "/causal/");
    }
}

}  // namespace
}  // namespace krate::testing
