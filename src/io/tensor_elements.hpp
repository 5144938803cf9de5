// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Elements of safetensors data: little-endian bytes, and what they mean.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "io/floating_format.hpp"
#include "krate/io/tensor_file.hpp"

namespace krate::io {

constexpr std::size_t piece_elements = 1 << 16;  // converted at a time

template <class T>
using BitsOf = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;

inline std::uint64_t bits_from(char const* bytes, std::size_t width) {
  std::uint64_t bits = 0;
  for (std::size_t i = width; i-- > 0;) bits = bits << 8 | static_cast<unsigned char>(bytes[i]);
  return bits;
}
inline void bits_to(char* bytes, std::size_t width, std::uint64_t bits) {
  for (std::size_t i = 0; i < width; ++i, bits >>= 8) bytes[i] = static_cast<char>(bits & 0xff);
}

/// Of a floating type.
inline FloatingFormat format_of(TensorType type) {
  switch (type) {
    case TensorType::f16:
      return half_format;
    case TensorType::bf16:
      return bfloat_format;
    case TensorType::f32:
      return single_format;
    default:
      return double_format;
  }
}
template <class T>
constexpr FloatingFormat format_of() {
  return std::is_same_v<T, float> ? single_format : double_format;
}

/// An element of a floating type.
template <class T>
T floating_from(char const* bytes, TensorType type) {
  auto const bits = converted(bits_from(bytes, bytes_of(type)), format_of(type), format_of<T>());
  return std::bit_cast<T>(static_cast<BitsOf<T>>(bits));
}

/// Whether the file's bytes are those of T in memory.
template <class T>
bool same_bytes(TensorType type) {
  if constexpr (!std::is_floating_point_v<T>) return false;
  return std::endian::native == std::endian::little && format_of(type) == format_of<T>();
}

}  // namespace krate::io
