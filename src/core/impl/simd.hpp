// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The SIMD operations of host tile kernels, over Kokkos SIMD: no other file names a function of it. Host code only.
#pragma once

#include <Kokkos_Core.hpp>
#include <Kokkos_SIMD.hpp>
#include <cstddef>
#include <utility>

#define KRATE_TILE_FUNCTION [[gnu::always_inline]] inline

namespace krate::impl::simd {

namespace lanes {
namespace abi = Kokkos::Experimental::simd_abi;
#if defined(KOKKOS_ARCH_AVX512XEON)
template <class T>
using Abi = abi::avx512_fixed_size<static_cast<int>(64 / sizeof(T))>;
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
}  // namespace lanes

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
KRATE_TILE_FUNCTION void transpose(Vec<T> (&v)[width<T>]) {
  transpose_portable<T>(v);
}
#endif

}  // namespace krate::impl::simd
