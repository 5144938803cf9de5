// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <Kokkos_Core.hpp>
#include <cstdint>

namespace krate {

/// The one number a user chooses.
struct Seed {
  std::uint64_t value = 0;
};

/// A counter-based random stream: each number is a pure function of (seed, stream, step, element), so that it does not
/// depend on threads or ranks. Philox4x32-10, Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
class Random {
 public:
  /// @param stream  what the numbers are for: one value for each use
  /// @param step    when: an optimizer step or an epoch
  KOKKOS_INLINE_FUNCTION Random(Seed seed, std::uint32_t stream, std::uint32_t step = 0)
      : key_{static_cast<std::uint32_t>(seed.value), static_cast<std::uint32_t>(seed.value >> 32)},
        stream_(stream),
        step_(step) {}

  /// 64 random bits of an element.
  KOKKOS_INLINE_FUNCTION std::uint64_t bits(std::uint64_t element) const {
    std::uint32_t c[4] = {static_cast<std::uint32_t>(element), static_cast<std::uint32_t>(element >> 32), step_,
                          stream_};
    std::uint32_t k0 = key_[0], k1 = key_[1];
    for (int round = 0; round < 10; ++round) {
      std::uint64_t const a = std::uint64_t(0xD2511F53u) * c[0], b = std::uint64_t(0xCD9E8D57u) * c[2];
      std::uint32_t const c1 = c[1], c3 = c[3];
      c[0] = static_cast<std::uint32_t>(b >> 32) ^ c1 ^ k0;
      c[1] = static_cast<std::uint32_t>(b);
      c[2] = static_cast<std::uint32_t>(a >> 32) ^ c3 ^ k1;
      c[3] = static_cast<std::uint32_t>(a);
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    return (std::uint64_t(c[1]) << 32) | c[0];
  }

  /// Uniform in [0, 1), 53 bits.
  KOKKOS_INLINE_FUNCTION double uniform(std::uint64_t element) const {
    return static_cast<double>(bits(element) >> 11) * 0x1.0p-53;
  }

  /// Uniform among 0 .. count-1; the bias is below count / 2^64.
  KOKKOS_INLINE_FUNCTION std::uint64_t below(std::uint64_t element, std::uint64_t count) const {
    return bits(element) % count;
  }

  /// Standard normal (Box and Muller).
  KOKKOS_INLINE_FUNCTION double normal(std::uint64_t element) const {
    std::uint64_t const b = bits(element);
    double const u = (static_cast<double>(b >> 32) + 1) * 0x1.0p-32,
                 v = static_cast<double>(b & 0xffffffffu) * 0x1.0p-32;
    return Kokkos::sqrt(-2 * Kokkos::log(u)) * Kokkos::cos(6.283185307179586476925 * v);
  }

 private:
  std::uint32_t key_[2];
  std::uint32_t stream_, step_;
};

}  // namespace krate
