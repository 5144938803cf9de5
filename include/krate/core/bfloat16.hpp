// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <Kokkos_Core.hpp>
#include <cstdint>

namespace krate {

/// The upper half of a float: its range with eight bits of precision (relative rounding 2^-9). For storage only:
/// convert to float to compute.
struct bfloat16 {
  std::uint16_t bits = 0;

  bfloat16() = default;
  /// The nearest one, ties to even; a NaN stays one.
  KOKKOS_INLINE_FUNCTION explicit bfloat16(float value) {
    auto const u = Kokkos::bit_cast<std::uint32_t>(value);
    std::uint32_t const rounded = u + 0x7fffu + ((u >> 16) & 1u), quiet = u | 0x400000u;
    bits = static_cast<std::uint16_t>((value == value ? rounded : quiet) >> 16);
  }
  KOKKOS_INLINE_FUNCTION explicit operator float() const {
    return Kokkos::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
  }
};
static_assert(sizeof(bfloat16) == 2);

}  // namespace krate
