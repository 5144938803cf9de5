// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Host arrays for tests: what oracles read and write. Calls nothing of krate but its View types.
#pragma once

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include "krate/core/arena.hpp"
#include "krate/core/types.hpp"

namespace krate::testing {

/// Row-major doubles with a shape. Oracles work in double whatever the scalar under test.
struct Array {
  std::vector<std::size_t> shape;
  std::vector<double> data;

  Array() = default;
  explicit Array(std::vector<std::size_t> s) : shape(std::move(s)), data(count(shape), 0.0) {}
  Array(std::vector<std::size_t> s, std::vector<double> d) : shape(std::move(s)), data(std::move(d)) {}
  static std::size_t count(std::vector<std::size_t> const& s) {
    return std::accumulate(s.begin(), s.end(), std::size_t(1), std::multiplies<>());
  }
  std::size_t size() const { return data.size(); }
  std::size_t extent(std::size_t i) const { return shape[i]; }
  double& operator()(std::size_t i) { return data[i]; }
  double operator()(std::size_t i) const { return data[i]; }
  double& operator()(std::size_t i, std::size_t j) { return data[i * shape[1] + j]; }
  double operator()(std::size_t i, std::size_t j) const { return data[i * shape[1] + j]; }
  double& operator()(std::size_t i, std::size_t j, std::size_t k) { return data[(i * shape[1] + j) * shape[2] + k]; }
  double operator()(std::size_t i, std::size_t j, std::size_t k) const {
    return data[(i * shape[1] + j) * shape[2] + k];
  }
  Array reshaped(std::vector<std::size_t> s) const { return Array(std::move(s), data); }
};

/// The fill that golden values were computed with: element k is b + a (2 u(t, k) - 1).
inline double fill_u(std::uint64_t t, std::uint64_t k) {
  std::uint64_t h = (k + 1) * 0x9E3779B97F4A7C15ull + t * 0xBF58476D1CE4E5B9ull;
  h ^= h >> 30;
  h *= 0xBF58476D1CE4E5B9ull;
  h ^= h >> 27;
  h *= 0x94D049BB133111EBull;
  h ^= h >> 31;
  return static_cast<double>(h >> 11) * 0x1.0p-53;
}
inline Array filled(std::uint64_t t, std::vector<std::size_t> shape, double a = 1, double b = 0) {
  Array x(std::move(shape));
  for (std::size_t k = 0; k < x.size(); ++k) x.data[k] = b + a * (2 * fill_u(t, k) - 1);
  return x;
}

/// `write` gets the View itself where the host reaches its memory, else a mirror that is copied afterwards. Far less to
/// compile than a deep copy between Views of the host.
template <class V, class Write>
void write_on_host(V const& v, Write const& write) {
  if constexpr (Kokkos::SpaceAccessibility<Kokkos::HostSpace, typename V::memory_space>::accessible) {
    write(v);
  } else {
    auto const host = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace{}, v);
    write(host);
    Kokkos::deep_copy(v, host);
  }
}

/// All elements of a View without gaps.
template <class V>
void set_all(V const& v, typename V::value_type value) {
  Kokkos::fence("krate::test: fill");
  write_on_host(v, [&](auto const& host) { std::fill_n(host.data(), host.size(), value); });
}

/// The numbers of an array in a View of its shape.
template <class V>
void assign(V const& v, Array const& a) {
  static_assert(V::rank() <= 2 || std::is_same_v<typename V::array_layout, Kokkos::LayoutRight>);
  Kokkos::fence("krate::test: assign");
  write_on_host(v, [&](auto const& host) {
    using T = typename V::value_type;
    if constexpr (V::rank() == 1) {
      for (std::size_t i = 0; i < v.extent(0); ++i) host(i) = static_cast<T>(a(i));
    } else if constexpr (V::rank() == 2) {
      for (std::size_t i = 0; i < v.extent(0); ++i)
        for (std::size_t j = 0; j < v.extent(1); ++j) host(i, j) = static_cast<T>(a(i, j));
    } else {
      for (std::size_t i = 0; i < v.size(); ++i) host.data()[i] = static_cast<T>(a.data[i]);
    }
  });
}

/// A managed row-major View of an array, in the memory of `Space`.
template <class Space, class T, std::size_t Rank>
auto to_view(Array const& a) {
  using Data = typename krate::impl::AddStars<T, Rank>::type;
  std::size_t e[8];
  for (std::size_t i = 0; i < 8; ++i) e[i] = i < Rank ? a.shape[i] : KOKKOS_IMPL_CTOR_DEFAULT_ARG;
  Kokkos::View<Data, Kokkos::LayoutRight, krate::DeviceOf<Space>> v(
      Kokkos::view_alloc("krate::test", Kokkos::WithoutInitializing), e[0], e[1], e[2], e[3], e[4], e[5], e[6], e[7]);
  write_on_host(v, [&](auto const& host) {
    for (std::size_t i = 0; i < a.size(); ++i) host.data()[i] = static_cast<T>(a.data[i]);
  });
  return v;
}

/// The View itself where the host reaches its memory, else a copy there.
template <class V>
auto readable(V const& v) {
  if constexpr (Kokkos::SpaceAccessibility<Kokkos::HostSpace, typename V::memory_space>::accessible) {
    return v;
  } else {
    return Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace{}, v);
  }
}

/// Any View, strided ones too, as an array.
template <class V>
Array to_array(V const& v) {
  Kokkos::fence("krate::test: read");
  std::vector<std::size_t> shape;
  for (unsigned r = 0; r < V::rank(); ++r) shape.push_back(v.extent(r));
  Array a(shape);
  auto const host = readable(v);
  if constexpr (V::rank() == 0) {
    a.data.assign(1, static_cast<double>(host()));
  } else if constexpr (V::rank() == 1) {
    for (std::size_t i = 0; i < shape[0]; ++i) a(i) = static_cast<double>(host(i));
  } else if constexpr (V::rank() == 2) {
    for (std::size_t i = 0; i < shape[0]; ++i)
      for (std::size_t j = 0; j < shape[1]; ++j) a(i, j) = static_cast<double>(host(i, j));
  } else {
    static_assert(std::is_same_v<typename V::array_layout, Kokkos::LayoutRight>);
    for (std::size_t i = 0; i < a.size(); ++i) a.data[i] = static_cast<double>(host.data()[i]);
  }
  return a;
}

/// Largest difference relative to the largest entry of the expected array (absolute if that is zero). NaN is infinite.
inline double worst_error(Array const& found, Array const& expected) {
  if (found.data.size() != expected.data.size()) return std::numeric_limits<double>::infinity();
  double scale = 0, worst = 0;
  for (double const x : expected.data) scale = std::max(scale, std::abs(x));
  for (std::size_t i = 0; i < found.size(); ++i) {
    double const e = std::abs(found.data[i] - expected.data[i]);
    if (!std::isfinite(e)) return std::numeric_limits<double>::infinity();
    worst = std::max(worst, e);
  }
  return scale > 0 ? worst / scale : worst;
}

inline double dot(Array const& a, Array const& b) {
  return std::inner_product(a.data.begin(), a.data.end(), b.data.begin(), 0.0);
}

}  // namespace krate::testing
