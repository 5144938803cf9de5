// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/sparse/conv_dictionary.hpp"
#include "support/array.hpp"

namespace krate::testing {

/// One term of D: pixel row and channel, code row and atom, and the element of the dictionary between them.
template <class Use>
void for_each_conv_term(ConvShape const& s, Use const& use) {
  for (std::size_t b = 0; b < s.batch; ++b)
    for (std::size_t p = 0; p < s.code_height(); ++p)
      for (std::size_t q = 0; q < s.code_width(); ++q)
        for (std::size_t i = 0; i < s.kernel; ++i)
          for (std::size_t j = 0; j < s.kernel; ++j) {
            std::size_t const row = p * s.stride + i, column = q * s.stride + j;
            if (row < s.padding || row >= s.height + s.padding || column < s.padding || column >= s.width + s.padding)
              continue;
            std::size_t const pixel = (b * s.height + row - s.padding) * s.width + column - s.padding,
                              code = (b * s.code_height() + p) * s.code_width() + q;
            for (std::size_t c = 0; c < s.channels; ++c)
              for (std::size_t o = 0; o < s.atoms; ++o) use(pixel, c, code, o, (c * s.kernel + i) * s.kernel + j);
          }
}

inline Array oracle_analyze(ConvShape const& s, Array const& x, Array const& dict) {
  Array code({s.codes(), s.atoms});
  for_each_conv_term(
      s, [&](auto pixel, auto c, auto place, auto o, auto e) { code(place, o) += dict(o, e) * x(pixel, c); });
  return code;
}
inline Array oracle_synthesize(ConvShape const& s, Array const& code, Array const& dict) {
  Array x({s.pixels(), s.channels});
  for_each_conv_term(
      s, [&](auto pixel, auto c, auto place, auto o, auto e) { x(pixel, c) += dict(o, e) * code(place, o); });
  return x;
}
inline Array oracle_dictionary_gradient(ConvShape const& s, Array const& x, Array const& code) {
  Array dict({s.atoms, s.patch()});
  for_each_conv_term(
      s, [&](auto pixel, auto c, auto place, auto o, auto e) { dict(o, e) += x(pixel, c) * code(place, o); });
  return dict;
}

/// [batch, channels, height, width] as rows of channels, and back.
inline Array channels_last(Array const& a) {
  std::size_t const n = a.extent(0), c = a.extent(1), size = a.extent(2) * a.extent(3);
  Array rows({n * size, c});
  for (std::size_t i = 0; i < n * size; ++i)
    for (std::size_t k = 0; k < c; ++k) rows(i, k) = a.data[(i / size * c + k) * size + i % size];
  return rows;
}
inline Array channels_first(Array const& rows, std::vector<std::size_t> shape) {
  Array a(std::move(shape));
  std::size_t const n = a.extent(0), c = a.extent(1), size = a.extent(2) * a.extent(3);
  for (std::size_t i = 0; i < n * size; ++i)
    for (std::size_t k = 0; k < c; ++k) a.data[(i / size * c + k) * size + i % size] = rows(i, k);
  return a;
}

}  // namespace krate::testing
