// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The tail of the normal distribution in vectors, for GELU on hosts, whose error function is one number at a time. With
// z = |x| / sqrt 2 and t = 1 / (1 + z / 2),
//
//     tail = erfc(z) / 2 = exp(-x^2 / 2) t p(u) / 2,   x Phi(x) = max(x, 0) - |x| tail
//
// p interpolates exp(z^2) erfc(z) / t at Chebyshev's points; u in [-1, 1] is t between its bounds: beyond `least` the
// tail is 0 beside 1/2. Relative errors stay below 5e-16 (float: 3e-7). Host code only.
#pragma once

#include <algorithm>
#include <limits>

#include "core/impl/simd.hpp"

namespace krate::impl {

template <class T>
struct NormalTail;
template <>
struct NormalTail<float> {
  static constexpr float least = 0.30769230769F, slope = 2.8888888889F, offset = -1.8888888889F;
  static constexpr float p[] = {0.630164678361F,    0.300029393062F,      0.0717623973202F,
                                0.00096285872593F,  -0.00305998727289F,   -0.0000162338832892F,
                                0.000179825773685F, -0.0000138344532815F, -9.10796393971e-6F};
};
template <>
struct NormalTail<double> {
  static constexpr double least = 0.22222222222222222222, slope = 2.5714285714285714286,
                          offset = -1.5714285714285714286;
  static constexpr double p[] = {0.594215253848813928,    0.317238730862560581,      0.0897736597970033939,
                                 0.00349393958364354999,  -0.0047959716123102394,    -0.000269061893912938719,
                                 0.000388325629572775928, -0.0000211811991200181321, -0.0000327056812952282505,
                                 8.68793651809193264e-6,  1.37799045000169095e-6,    -1.32783936340886111e-6,
                                 2.3594513356593469e-7,   8.21482015094485594e-8,    -5.77069884708697697e-8,
                                 1.10178469871309937e-8,  3.50754922590654022e-9,    -3.10510410521431038e-9,
                                 6.38344432675786381e-10, 2.48135642273578462e-10,   -1.15679296006800059e-10};
};

/// |x|, at most 40: beyond it nothing is left of the tail.
template <class T>
KRATE_TILE_FUNCTION simd::Vec<T> bounded_size(simd::Vec<T> const& x) {
  auto const zero = simd::broadcast(T(0));
  return zero - simd::max(simd::broadcast(T(-40)), zero - simd::max(x, zero - x));
}
/// exp(-x^2 / 2)
template <class T>
KRATE_TILE_FUNCTION simd::Vec<T> gauss(simd::Vec<T> const& size) {
  return simd::exp2<T>(size * size * simd::broadcast(T(-0.72134752044448170368)));
}
/// @param gauss  of the same size
template <class T>
KRATE_TILE_FUNCTION simd::Vec<T> normal_tail(simd::Vec<T> const& size, simd::Vec<T> const& gauss) {
  using Fit = NormalTail<T>;
  constexpr int degree = static_cast<int>(std::extent_v<decltype(Fit::p)>) - 1;
  auto const one = simd::broadcast(T(1));
  auto const t = one / simd::fma(size, simd::broadcast(T(0.35355339059327376220)), one);
  auto const u =
      simd::fma(simd::max(t, simd::broadcast(Fit::least)), simd::broadcast(Fit::slope), simd::broadcast(Fit::offset));
  auto y = simd::broadcast(Fit::p[degree]);
  for (int k = degree - 1; k >= 0; --k) y = simd::fma(y, u, simd::broadcast(Fit::p[k]));
  return y * t * gauss * simd::broadcast(T(0.5));
}

template <class T>
KRATE_TILE_FUNCTION simd::Vec<T> gelu_of(simd::Vec<T> const& x) {
  auto const size = bounded_size<T>(x);
  return simd::max(x, simd::broadcast(T(0))) - size * normal_tail<T>(size, gauss<T>(size));
}
/// Phi(x) + x phi(x)
template <class T>
KRATE_TILE_FUNCTION simd::Vec<T> gelu_slope(simd::Vec<T> const& x) {
  auto const size = bounded_size<T>(x), bell = gauss<T>(size);
  auto const sign =
      x / simd::max(simd::max(x, simd::broadcast(T(0)) - x), simd::broadcast(std::numeric_limits<T>::min()));
  auto const half = simd::broadcast(T(0.5));
  return simd::fma(sign, half - normal_tail<T>(size, bell), half) +
         sign * size * bell * simd::broadcast(T(0.39894228040143267794));
}

/// y = f(x...) in vectors, a piece of so many numbers a work item; each number's bits are its own.
inline constexpr std::int64_t gelu_piece = 4096;
template <class T, class F, class... From>
void in_vectors(std::int64_t piece, std::int64_t size, F const& f, T* to, From const*... from) {
  constexpr std::int64_t lanes = simd::width<T>;
  std::int64_t i = piece * gelu_piece;
  std::int64_t const end = std::min(i + gelu_piece, size);
  for (; i + lanes <= end; i += lanes) simd::store(to + i, f(simd::load(from + i)...));
  if (i == end) return;
  auto const load_part = [&](T const* at) {
    T part[lanes] = {};
    std::copy(at + i, at + end, part);
    return simd::load(part);
  };
  T part[lanes];
  simd::store(part, f(load_part(from)...));
  std::copy(part, part + (end - i), to + i);
}

}  // namespace krate::impl
