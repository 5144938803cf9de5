// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operands in every layout, plain-loop oracles, and what the routes of a product must show to profilers.
#pragma once

#include "krate/linalg/route.hpp"
#include "nn/checks.hpp"

namespace {

enum class Layout { right, left, inner, strided };
constexpr Layout all_layouts[] = {Layout::right, Layout::left, Layout::inner, Layout::strided};

template <class T>
using AnyLayout = Kokkos::View<T**, Kokkos::LayoutStride, krate::DeviceOf<TestSpace>>;

/// A matrix in one of these layouts; what lies between its elements is NaN.
template <class T>
AnyLayout<T> laid_out(Array const& a, Layout layout) {
  using Kokkos::pair;
  using Device = krate::DeviceOf<TestSpace>;
  std::size_t const m = a.extent(0), n = a.extent(1);
  AnyLayout<T> v;
  if (layout == Layout::right) {
    v = Kokkos::View<T**, Kokkos::LayoutRight, Device>("krate::test", m, n);
  } else if (layout == Layout::left) {
    v = Kokkos::View<T**, Kokkos::LayoutLeft, Device>("krate::test", m, n);
  } else {
    std::size_t const step = layout == Layout::inner ? 1 : 2;
    Kokkos::View<T**, Kokkos::LayoutRight, Device> const whole("krate::test", m + 3, step * n + 5);
    Kokkos::deep_copy(whole, std::numeric_limits<T>::quiet_NaN());
    v = AnyLayout<T>(
        Kokkos::subview(whole, pair<std::size_t, std::size_t>(1, m + 1), pair<std::size_t, std::size_t>(2, n + 2)));
    if (step == 2) {  // every other column: neither stride is 1
      Kokkos::View<T***, Kokkos::LayoutRight, Device> const pairs("krate::test", m + 3, n + 2, 2);
      Kokkos::deep_copy(pairs, std::numeric_limits<T>::quiet_NaN());
      v = AnyLayout<T>(Kokkos::subview(pairs, pair<std::size_t, std::size_t>(1, m + 1),
                                       pair<std::size_t, std::size_t>(1, n + 1), 0));
    }
  }
  auto const host = Kokkos::create_mirror_view(v);
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < n; ++j) host(i, j) = static_cast<T>(a(i, j));
  Kokkos::deep_copy(v, host);
  return v;
}

/// The numbers that `T` holds.
template <class T>
Array rounded(Array a) {
  for (double& x : a.data) x = static_cast<double>(static_cast<T>(x));
  return a;
}

inline Array transpose_of(Array const& a) {
  Array t({a.extent(1), a.extent(0)});
  for (std::size_t i = 0; i < a.extent(0); ++i)
    for (std::size_t j = 0; j < a.extent(1); ++j) t(j, i) = a(i, j);
  return t;
}

inline Array product(Array const& a, Array const& b) {
  Array c({a.extent(0), b.extent(1)});
  for (std::size_t i = 0; i < a.extent(0); ++i)
    for (std::size_t j = 0; j < b.extent(1); ++j)
      for (std::size_t k = 0; k < a.extent(1); ++k) c(i, j) += a(i, k) * b(k, j);
  return c;
}

/// alpha x + beta y.
inline Array combined(double alpha, Array const& x, double beta, Array const& y) {
  Array z = x;
  for (std::size_t i = 0; i < z.size(); ++i) z.data[i] = alpha * x.data[i] + (beta == 0 ? 0 : beta * y.data[i]);
  return z;
}

/// A symmetric positive definite matrix, eigenvalues at least 1.
inline Array definite(std::uint64_t seed, std::size_t n) {
  Array const x = filled(seed, {n + 2, n});
  Array s = product(transpose_of(x), x);
  for (std::size_t i = 0; i < n; ++i) s(i, i) += 1;
  return s;
}

/// Lower triangle of the factor, zero above.
inline Array cholesky_factor(Array const& s) {
  std::size_t const n = s.extent(0);
  Array l({n, n});
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = s(i, j);
      for (std::size_t k = 0; k < j; ++k) sum -= l(i, k) * l(j, k);
      l(i, j) = i == j ? std::sqrt(sum) : sum / l(j, j);
    }
  return l;
}

/// The routes that this space has.
inline std::vector<krate::Route> routes() {
  std::vector<krate::Route> list = {krate::Route::automatic, krate::Route::portable};
  if (KRATE_HAVE_BLAS && Kokkos::SpaceAccessibility<TestSpace, Kokkos::HostSpace>::accessible)
    list.push_back(krate::Route::vendor);
  return list;
}

/// Which route a call took: the region "krate::op[vendor]" or the kernel "krate::op::portable".
template <class Call>
std::string route_of(std::string const& op, Call const& call) {
  krate::testing::Recording recording;
  call();
  TestSpace().fence("krate::test: route");
  bool const vendor = recording.saw(op + "[vendor]"), portable = recording.saw(op + "::portable");
  return vendor && portable ? "both" : vendor ? "vendor" : portable ? "portable" : "none";
}
inline bool const has_vendor = routes().size() == 3;

}  // namespace
