// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where a replica takes its random numbers from: each stream gives the next uniform number of [0, 1).
#pragma once

#include <cstdint>

#include "krate/core/random.hpp"

namespace krate::games::impl {

struct CounterStream {
  static constexpr std::size_t words = 0;
  Random random;
  std::uint64_t element;

  /// @param element  how many numbers were taken before
  KOKKOS_INLINE_FUNCTION CounterStream(std::uint64_t seed, std::uint64_t taken, std::uint32_t*)
      : random(Seed{seed}, 0x47414D45), element(taken) {}  // "GAME": apart from other streams
  KOKKOS_INLINE_FUNCTION static void begin(std::uint64_t, std::uint32_t*) {}
  KOKKOS_INLINE_FUNCTION double uniform() { return random.uniform(element++); }
  KOKKOS_INLINE_FUNCTION void end(std::uint32_t*) const {}
};

/// Matsumoto and Nishimura, "Mersenne twister", ACM TOMACS 8, 1998: MT19937.
struct MersenneStream {
  static constexpr std::uint32_t size = 624, words = size + 1;
  std::uint32_t* state;  ///< 624 words, then the place of the next one
  std::uint32_t at;

  KOKKOS_INLINE_FUNCTION MersenneStream(std::uint64_t, std::uint64_t, std::uint32_t* memory)
      : state(memory), at(memory[size]) {}
  KOKKOS_INLINE_FUNCTION void end(std::uint32_t* memory) const { memory[size] = at; }

  /// The state that init_by_array makes of one key.
  KOKKOS_FUNCTION static void begin(std::uint64_t seed, std::uint32_t* state) {
    auto const key = static_cast<std::uint32_t>(seed);
    state[0] = 19650218u;
    for (std::uint32_t k = 1; k < size; ++k) state[k] = mixed(state, k, 1812433253u) + k;
    std::uint32_t i = 1;
    for (std::uint32_t k = 0; k < size; ++k) {
      state[i] = (state[i] ^ mixed(state, i, 1664525u)) + key;
      step(state, i);
    }
    for (std::uint32_t k = 0; k + 1 < size; ++k) {
      state[i] = (state[i] ^ mixed(state, i, 1566083941u)) - i;
      step(state, i);
    }
    state[0] = 0x80000000u;
    state[size] = size;
  }

  KOKKOS_INLINE_FUNCTION double uniform() {
    std::uint32_t const high = word() >> 5, low = word() >> 6;
    return (high * 67108864.0 + low) / 9007199254740992.0;
  }

 private:
  KOKKOS_INLINE_FUNCTION static std::uint32_t mixed(std::uint32_t const* state, std::uint32_t k, std::uint32_t factor) {
    return factor * (state[k - 1] ^ (state[k - 1] >> 30));
  }
  KOKKOS_INLINE_FUNCTION static void step(std::uint32_t* state, std::uint32_t& i) {
    if (++i < size) return;
    state[0] = state[size - 1];
    i = 1;
  }
  KOKKOS_INLINE_FUNCTION static std::uint32_t twisted(std::uint32_t high, std::uint32_t low, std::uint32_t far) {
    std::uint32_t const y = (high & 0x80000000u) | (low & 0x7fffffffu);
    return far ^ (y >> 1) ^ (0x9908b0dfu & (0u - (y & 1u)));
  }
  KOKKOS_INLINE_FUNCTION void refill() {
    constexpr std::uint32_t middle = 397;
    for (std::uint32_t k = 0; k < size - middle; ++k) state[k] = twisted(state[k], state[k + 1], state[k + middle]);
    for (std::uint32_t k = size - middle; k < size - 1; ++k)
      state[k] = twisted(state[k], state[k + 1], state[k + middle - size]);
    state[size - 1] = twisted(state[size - 1], state[0], state[middle - 1]);
    at = 0;
  }
  KOKKOS_INLINE_FUNCTION std::uint32_t word() {
    if (at == size) refill();
    std::uint32_t y = state[at++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
  }
};

}  // namespace krate::games::impl
