// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The SIMD operations of host tile kernels, over Kokkos SIMD: no other file names a function of it. Host code only.
#pragma once

#include <Kokkos_Core.hpp>
#include <Kokkos_SIMD.hpp>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#define KRATE_TILE_FUNCTION [[gnu::always_inline]] inline

/// Before a loop of a constant few rounds over an array of vectors: GCC leaves the outermost loop of a function rolled
/// until it is too late, and then the array lives in memory, not in registers.
#if defined(__clang__)
#define KRATE_UNROLL _Pragma("unroll")
#elif defined(__NVCC__)  // which does not know GCC's
#define KRATE_UNROLL
#else
#define KRATE_UNROLL _Pragma("GCC unroll 16")
#endif

namespace krate::impl::simd {

namespace lanes {
namespace abi = Kokkos::Experimental::simd_abi;
#if defined(KOKKOS_ARCH_AVX512XEON)
template <class T>
using Abi = abi::avx512_fixed_size<static_cast<int>(64 / sizeof(T))>;
#elif defined(KOKKOS_ARCH_AVX2)
template <class T>
using Abi = abi::avx2_fixed_size<static_cast<int>(32 / sizeof(T))>;
#else
template <class T>
using Abi = abi::ForSpace<Kokkos::DefaultHostExecutionSpace>;
#endif
}  // namespace lanes

/// As many numbers as the widest register holds.
template <class T>
using Vec = Kokkos::Experimental::simd<T, lanes::Abi<T>>;
template <class T>
inline constexpr int width = static_cast<int>(Vec<T>::size());

/// Vector registers of the processor: what the sums of a tile and the operands of a step must fit into.
#if defined(KOKKOS_ARCH_AVX512XEON) || defined(__aarch64__)
inline constexpr int registers = 32;
#else
inline constexpr int registers = 16;
#endif

template <class T>
KRATE_TILE_FUNCTION Vec<T> load(T const* from) {
  Vec<T> v;
  v.copy_from(from, Kokkos::Experimental::element_aligned_tag());
  return v;
}
template <class T>
KRATE_TILE_FUNCTION void store(T* to, Vec<T> const& v) {
  v.copy_to(to, Kokkos::Experimental::element_aligned_tag());
}
template <class T>
KRATE_TILE_FUNCTION Vec<T> broadcast(T x) {
  return Vec<T>(x);
}
/// a b + c, rounded once.
template <class V>
KRATE_TILE_FUNCTION V fma(V const& a, V const& b, V const& c) {
  return Kokkos::fma(a, b, c);
}

/// The same bits as another vector of that size. (Kokkos::bit_cast is for devices too, and nvcc refuses vectors there.)
template <class To, class From>
KRATE_TILE_FUNCTION To same_bits(From const& from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  __builtin_memcpy(static_cast<void*>(&to), static_cast<void const*>(&from), sizeof(To));
  return to;
}

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"  // GCC 12's own _mm512_undefined_ps()
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
template <class V>
KRATE_TILE_FUNCTION V max(V const& a, V const& b) {
  return Kokkos::max(a, b);
}

namespace lanes {
/// 2^f for |f| <= 1/2 by powers of f, and what rounds a number to an integer in its low bits, beside the bias of the
/// exponent.
template <class T>
struct PowerOfTwo;
template <>
struct PowerOfTwo<float> {  // 7.5e-8
  using Bits = std::int32_t;
  static constexpr int mantissa = 23;
  static constexpr float least = -126, rounding = 12582912.F + 127;
  static constexpr float coefficients[] = {1.0000000717F, 0.6931469671F, 0.2402211972F,
                                           0.0555071327F, 0.0096755413F, 0.0013276472F};
};
template <>
struct PowerOfTwo<double> {  // 5e-18, before rounding
  using Bits = std::int64_t;
  static constexpr int mantissa = 52;
  static constexpr double least = -1022, rounding = 6755399441055744.0 + 1023;
  static constexpr double coefficients[] = {1.0,
                                            0.693147180559945309,
                                            0.240226506959101596,
                                            0.0555041086648216270,
                                            0.00961812910758725667,
                                            0.00133335581464064707,
                                            0.000154035304637243542,
                                            0.0000152527338415567726,
                                            1.32154325359123762e-6,
                                            1.01780570877339411e-7,
                                            7.07419429728852101e-9,
                                            4.45581790833606449e-10};
};
}  // namespace lanes

/// 2^x for x up to the largest exponent; below the smallest it stays about the smallest normal number (1e-38 in float).
template <class T>
KRATE_TILE_FUNCTION Vec<T> exp2(Vec<T> const& power) {
  using Constants = lanes::PowerOfTwo<T>;
  using Bits = Kokkos::Experimental::simd<typename Constants::Bits, lanes::Abi<T>>;
  constexpr int degree = static_cast<int>(std::extent_v<decltype(Constants::coefficients)>) - 1;
  Vec<T> const x = max(power, broadcast(Constants::least)), rounding = broadcast(Constants::rounding);
  Vec<T> const t = x + rounding, f = x - (t - rounding);
  Vec<T> y = broadcast(Constants::coefficients[degree]);
  for (int k = degree - 1; k >= 0; --k) y = fma(y, f, broadcast(Constants::coefficients[k]));
  return y * same_bits<Vec<T>>(same_bits<Bits>(t) << Constants::mantissa);
}

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

/// Sum of all lanes, through memory.
template <class T>
KRATE_TILE_FUNCTION T sum_portable(Vec<T> const& v) {
  constexpr int w = width<T>;
  T a[w];
  store(a, v);
  for (int half = w / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) a[i] += a[i + half];
  return a[0];
}

/// Lane i is the sum of all lanes of v[i], through memory.
template <class T>
KRATE_TILE_FUNCTION Vec<T> sums_portable(Vec<T> const (&v)[width<T>]) {
  T sums[width<T>];
  for (int i = 0; i < width<T>; ++i) sums[i] = sum_portable<T>(v[i]);
  return load(sums);
}

/// Asks for the cache line of an address that is soon read; any address may be asked for.
KRATE_TILE_FUNCTION void prefetch(void const* address) {
  __builtin_prefetch(address);
  asm volatile("");  // without it GCC takes calls of this function for idle and drops them
}

/// Rows become columns, through memory: the form that needs nothing but loads and stores.
template <class T>
KRATE_TILE_FUNCTION void transpose_portable(Vec<T> (&v)[width<T>]) {
  constexpr int w = width<T>;
  T a[w][w], b[w][w];
  for (int i = 0; i < w; ++i) store(a[i], v[i]);
  for (int i = 0; i < w; ++i)
    for (int j = 0; j < w; ++j) b[i][j] = a[j][i];
  for (int i = 0; i < w; ++i) v[i] = load(b[i]);
}

/// rotations[k] = v rotated by k lanes (lane i is that of i + k), for k up to half of the lanes; through memory.
template <class T>
KRATE_TILE_FUNCTION void rotate_portable(Vec<T> const& v, Vec<T> (&rotations)[width<T> / 2 + 1]) {
  constexpr int w = width<T>;
  T twice[2 * w];
  store(twice, v);
  store(twice + w, v);
  for (int k = 0; k <= w / 2; ++k) rotations[k] = load(twice + k);
}

#if (defined(__clang__) || __GNUC__ >= 12) && !defined(__NVCC__)
namespace lanes {
template <class T>
struct Register {
  typedef T type __attribute__((vector_size(sizeof(Vec<T>))));
};
template <class T>
using Native = typename Register<T>::type;

/// Swaps the upper right with the lower left of blocks of `Half` lanes in rows `Half` apart.
template <int Half, class T, std::size_t... L>
KRATE_TILE_FUNCTION void swap_blocks(Native<T>& a, Native<T>& b, std::index_sequence<L...>) {
  constexpr std::size_t w = sizeof...(L), h = Half;
  Native<T> const upper = __builtin_shufflevector(a, b, ((L & h) != 0 ? w + L - h : L)...);
  b = __builtin_shufflevector(a, b, ((L & h) != 0 ? w + L : L + h)...);
  a = upper;
}
template <int Half, class T>
KRATE_TILE_FUNCTION void swap_stage(Native<T> (&v)[width<T>]) {
  for (int i = 0; i < width<T>; ++i)
    if ((i & Half) == 0) swap_blocks<Half, T>(v[i], v[i + Half], std::make_index_sequence<width<T>>());
  if constexpr (Half > 1) swap_stage<Half / 2, T>(v);
}
template <int Half, class T, std::size_t... L>
KRATE_TILE_FUNCTION void add_rotated(Native<T>& v, std::index_sequence<L...> all) {
  constexpr std::size_t w = sizeof...(L);
  v += __builtin_shufflevector(v, v, ((L + Half) % w)...);
  if constexpr (Half > 1) add_rotated<Half / 2, T>(v, all);
}
/// Lanes without the bit `Half` become sums of two lanes of a, those with it of b.
template <int Half, class T, std::size_t... L>
KRATE_TILE_FUNCTION Native<T> folded(Native<T> const& a, Native<T> const& b, std::index_sequence<L...>) {
  constexpr std::size_t w = sizeof...(L), h = Half;
  return __builtin_shufflevector(a, b, ((L & h) != 0 ? w + L : L)...) +
         __builtin_shufflevector(a, b, ((L & h) != 0 ? w + L - h : L + h)...);
}
template <int Half, class T>
KRATE_TILE_FUNCTION void fold_stage(Native<T> (&v)[width<T>]) {
  for (int i = 0; i < Half; ++i) v[i] = folded<Half, T>(v[i], v[i + Half], std::make_index_sequence<width<T>>());
  if constexpr (Half > 1) fold_stage<Half / 2, T>(v);
}
template <class T, std::size_t K, std::size_t... L>
KRATE_TILE_FUNCTION Native<T> rotated(Native<T> const& v, std::index_sequence<L...>) {
  return __builtin_shufflevector(v, v, ((L + K) % sizeof...(L))...);
}
}  // namespace lanes

/// The same as rotate_portable(), within registers.
template <class T>
KRATE_TILE_FUNCTION void rotate(Vec<T> const& v, Vec<T> (&rotations)[width<T> / 2 + 1]) {
  auto const n = Kokkos::bit_cast<lanes::Native<T>>(v);
  [&]<std::size_t... K>(std::index_sequence<K...>) __attribute__((always_inline)) {
    ((rotations[K] = Kokkos::bit_cast<Vec<T>>(lanes::rotated<T, K>(n, std::make_index_sequence<width<T>>()))), ...);
  }
  (std::make_index_sequence<width<T> / 2 + 1>());
}

/// The same vector, which the compiler must now load once and keep, not once more for each use.
template <class T>
KRATE_TILE_FUNCTION Vec<T> kept(Vec<T> const& v) {
#if defined(__AVX__)
  auto n = Kokkos::bit_cast<lanes::Native<T>>(v);
  asm("" : "+v"(n));
  return Kokkos::bit_cast<Vec<T>>(n);
#else
  return v;
#endif
}

/// Sum of all lanes, within registers.
template <class T>
KRATE_TILE_FUNCTION T sum(Vec<T> const& v) {
  if constexpr (width < T >> 1) {
    auto n = Kokkos::bit_cast<lanes::Native<T>>(v);
    lanes::add_rotated<width<T> / 2, T>(n, std::make_index_sequence<width<T>>());
    return n[0];
  } else {
    return sum_portable<T>(v);
  }
}

/// The same as sums_portable(), within registers.
template <class T>
KRATE_TILE_FUNCTION Vec<T> sums(Vec<T> const (&v)[width<T>]) {
  if constexpr (width < T >> 1) {
    lanes::Native<T> n[width<T>];
    for (int i = 0; i < width<T>; ++i) n[i] = Kokkos::bit_cast<lanes::Native<T>>(v[i]);
    lanes::fold_stage<width<T> / 2, T>(n);
    return Kokkos::bit_cast<Vec<T>>(n[0]);
  } else {
    return v[0];
  }
}

/// Rows become columns: width vectors, in place, within registers.
template <class T>
KRATE_TILE_FUNCTION void transpose(Vec<T> (&v)[width<T>]) {
  if constexpr (width < T >> 1) {
    lanes::Native<T> n[width<T>];
    for (int i = 0; i < width<T>; ++i) n[i] = Kokkos::bit_cast<lanes::Native<T>>(v[i]);
    lanes::swap_stage<width<T> / 2, T>(n);
    for (int i = 0; i < width<T>; ++i) v[i] = Kokkos::bit_cast<Vec<T>>(n[i]);
  }
}
#else
template <class T>
KRATE_TILE_FUNCTION Vec<T> kept(Vec<T> const& v) {
  return v;
}
template <class T>
KRATE_TILE_FUNCTION void rotate(Vec<T> const& v, Vec<T> (&rotations)[width<T> / 2 + 1]) {
  rotate_portable<T>(v, rotations);
}
template <class T>
KRATE_TILE_FUNCTION T sum(Vec<T> const& v) {
  return sum_portable<T>(v);
}
template <class T>
KRATE_TILE_FUNCTION Vec<T> sums(Vec<T> const (&v)[width<T>]) {
  return sums_portable<T>(v);
}
template <class T>
KRATE_TILE_FUNCTION void transpose(Vec<T> (&v)[width<T>]) {
  transpose_portable<T>(v);
}
#endif

}  // namespace krate::impl::simd
