// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/sparse/conv_code.hpp"
#include "krate/sparse/conv_code_implicit.hpp"
#include "krate/sparse/dictionary_norm.hpp"
#include "support/checks.hpp"
#include "support/conv_oracle.hpp"

namespace {

using krate::ConvCodeOptions;
using krate::ConvShape;
using krate::testing::dot;

/// All (kernel, stride, padding) and sizes that tests go through: odd, even, not square, one patch, one pixel.
inline std::vector<ConvShape> conv_shapes() {
  return {{2, 3, 5, 7, 4, 3, 1, 1}, {1, 2, 8, 8, 3, 4, 2, 1},  {2, 1, 10, 13, 5, 5, 2, 2}, {3, 4, 4, 4, 6, 4, 1, 0},
          {2, 3, 5, 4, 2, 1, 1, 0}, {1, 1, 9, 11, 3, 3, 2, 1}, {2, 2, 7, 7, 2, 3, 3, 0},   {1, 1, 1, 1, 1, 1, 1, 0},
          {0, 2, 4, 4, 3, 3, 1, 1}, {1, 2, 4, 5, 3, 4, 1, 0}};
}

template <class T>
struct ConvRun {
  TestSpace space;
  ConvShape shape;
  krate::Arena<TestSpace> arena;
  explicit ConvRun(ConvShape const& s) : shape(s), arena(space, krate::conv_dictionary_workspace<TestSpace, T>(s)) {}

  Array analyze(Array const& x, Array const& dict, T alpha = 1, T beta = 0, Array const& old = {}) {
    Guarded<TestSpace, T, 2> code(shape.codes(), shape.atoms);
    if (beta != T(0)) krate::testing::assign(code.view(), old);
    krate::analyze(space, shape, alpha, view<T, 2>(x), view<T, 2>(dict), beta, code.view(), arena.workspace());
    EXPECT_TRUE((space.fence("krate::test: read"), code.intact()));
    return code.array();
  }
  Array synthesize(Array const& code, Array const& dict, T alpha = 1, T beta = 0, Array const& old = {}) {
    Guarded<TestSpace, T, 2> x(shape.pixels(), shape.channels);
    if (beta != T(0)) krate::testing::assign(x.view(), old);
    krate::synthesize(space, shape, alpha, view<T, 2>(code), view<T, 2>(dict), beta, x.view(), arena.workspace());
    EXPECT_TRUE((space.fence("krate::test: read"), x.intact()));
    return x.array();
  }
  Array gradient(Array const& x, Array const& code, T alpha = 1) {
    auto const ddict = view<T, 2>(Array({shape.atoms, shape.patch()}));
    krate::dictionary_gradient(space, shape, alpha, view<T, 2>(x), view<T, 2>(code), ddict, arena.workspace());
    return to_array(ddict);
  }
};

/// |D|^2
template <class T>
double largest_eigenvalue(ConvShape shape, Array const& dict, std::size_t iterations) {
  shape.batch = 1;
  TestSpace space;
  krate::Arena<TestSpace> arena(space, krate::dictionary_norm_workspace<TestSpace, T>(shape));
  auto const vector = view<T, 2>(filled(77, {shape.codes(), shape.atoms}));
  Scalar0<double> const square("krate::test::square");
  krate::dictionary_norm(space, shape, view<T, 2>(dict), iterations, arena.workspace(), vector, square);
  return to_array(square).data[0];
}

template <class T>
struct CodeRun {
  TestSpace space;
  ConvShape shape;
  ConvCodeOptions options;
  krate::Arena<TestSpace> kept, arena;
  krate::ConvCodeSaved<TestSpace, T> saved;
  CodeRun(ConvShape const& s, ConvCodeOptions const& o)
      : shape(s),
        options(o),
        kept(space,
             krate::measure<TestSpace>([&](auto& work) { krate::ConvCodeSaved<TestSpace, T>::cut(work, s, o.steps); })),
        arena(space, krate::conv_code_backward_workspace<TestSpace, T>(s)) {
    auto work = kept.workspace();
    saved = krate::ConvCodeSaved<TestSpace, T>::cut(work, s, o.steps);
  }
  Array forward(Array const& x, Array const& dict) {
    krate::conv_code(space, shape, view<T, 2>(x), view<T, 2>(dict), options, arena.workspace(), saved);
    return to_array(saved.code());
  }
  /// @return dx and ddict
  std::array<Array, 2> backward(Array const& x, Array const& dict, Array const& dcode) {
    Guarded<TestSpace, T, 2> dx(shape.pixels(), shape.channels);
    auto const ddict = view<T, 2>(Array(dict.shape));
    krate::conv_code_backward(space, shape, view<T, 2>(x), view<T, 2>(dict), options, saved, view<T, 2>(dcode),
                              arena.workspace(), dx.view(), ddict);
    EXPECT_TRUE((space.fence("krate::test: read"), dx.intact()));
    return {dx.array(), to_array(ddict)};
  }
};

template <class T>
std::array<Array, 2> implicit_gradients(ConvShape const& shape, Array const& x, Array const& dict, double mu,
                                        Array const& code, Array const& dcode, std::size_t iterations) {
  TestSpace space;
  krate::Arena<TestSpace> arena(space, krate::conv_code_implicit_workspace<TestSpace, T>(shape));
  auto const dx = view<T, 2>(Array(x.shape)), ddict = view<T, 2>(Array(dict.shape));
  krate::conv_code_implicit_backward(space, shape, view<T, 2>(x), view<T, 2>(dict), mu, view<T, 2>(code),
                                     view<T, 2>(dcode), iterations, arena.workspace(), dx, ddict);
  return {to_array(dx), to_array(ddict)};
}

inline Array unit_atoms(Array dict) {
  for (std::size_t o = 0; o < dict.extent(0); ++o) {
    double square = 0;
    for (std::size_t e = 0; e < dict.extent(1); ++e) square += dict(o, e) * dict(o, e);
    for (std::size_t e = 0; e < dict.extent(1); ++e) dict(o, e) /= std::sqrt(square);
  }
  return dict;
}

inline double code_objective(ConvShape const& s, Array const& x, Array const& dict, Array const& code, double lambda,
                             double mu) {
  Array const fit = krate::testing::oracle_synthesize(s, code, dict);
  double value = 0;
  for (std::size_t i = 0; i < x.size(); ++i) value += (x.data[i] - fit.data[i]) * (x.data[i] - fit.data[i]) / 2;
  for (double const c : code.data) value += lambda * std::abs(c) + mu / 2 * c * c;
  return value;
}

}  // namespace
