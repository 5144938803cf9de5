// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <bit>
#include <cstdint>

namespace krate::io {

/// A binary floating-point format as IEEE 754 lays it out: sign, exponent, mantissa.
struct FloatingFormat {
  int exponent, mantissa;
  bool operator==(FloatingFormat const&) const = default;

  constexpr std::int64_t bias() const { return (std::int64_t(1) << (exponent - 1)) - 1; }
  constexpr std::int64_t infinite() const { return (std::int64_t(1) << exponent) - 1; }
  constexpr bool is_finite(std::uint64_t bits) const {
    return (bits >> mantissa & static_cast<std::uint64_t>(infinite())) != static_cast<std::uint64_t>(infinite());
  }
};
inline constexpr FloatingFormat half_format{5, 10}, bfloat_format{8, 7}, single_format{8, 23}, double_format{11, 52};

/// The bits of a number in another format: exact where that is wider, else rounded to nearest even. The bits of a NaN
/// are kept from the left, so that a number that is widened and narrowed again is the same.
constexpr std::uint64_t converted(std::uint64_t bits, FloatingFormat from, FloatingFormat to) {
  std::uint64_t const sign = bits >> (from.exponent + from.mantissa) << (to.exponent + to.mantissa);
  std::uint64_t const infinity = static_cast<std::uint64_t>(to.infinite()) << to.mantissa;
  auto exponent = static_cast<std::int64_t>(bits >> from.mantissa) & from.infinite();
  std::uint64_t digits = bits & ((std::uint64_t(1) << from.mantissa) - 1);
  int drop = from.mantissa - to.mantissa;
  if (exponent == from.infinite()) {
    std::uint64_t const kept = drop > 0 ? digits >> drop : digits << -drop;
    return sign | infinity | (digits && !kept ? std::uint64_t(1) << (to.mantissa - 1) : kept);
  }
  if (exponent == 0) {
    if (digits == 0) return sign;
    int const shift = std::countl_zero(digits) - (63 - from.mantissa);
    digits <<= shift;
    exponent = 1 - shift;
  } else {
    digits |= std::uint64_t(1) << from.mantissa;
  }
  exponent += to.bias() - from.bias();
  if (exponent >= to.infinite()) return sign | infinity;
  if (exponent <= 0) {  // beneath the normal numbers
    if (1 - exponent > 63 - drop) return sign;
    drop += static_cast<int>(1 - exponent);
    exponent = 1;
  }
  if (drop > from.mantissa + 1) return sign;
  if (drop <= 0) {
    digits <<= -drop;
  } else {
    std::uint64_t const rest = digits & ((std::uint64_t(1) << drop) - 1), half = std::uint64_t(1) << (drop - 1);
    digits >>= drop;
    if (rest > half || (rest == half && digits % 2 == 1)) ++digits;
  }
  return sign | ((static_cast<std::uint64_t>(exponent - 1) << to.mantissa) + digits);
}

}  // namespace krate::io
