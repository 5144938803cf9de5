// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operands in every layout, and what the routes of a product must show to profilers.
#pragma once

#include "krate/core/compat.hpp"
#include "krate/linalg/route.hpp"
#include "krate/version.hpp"
#include "support/checks.hpp"
#include "support/matrix_oracle.hpp"

namespace {

using krate::testing::definite;

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
  auto const raw = Kokkos::view_alloc("krate::test", Kokkos::WithoutInitializing);
  auto const fill_with_nan = [](auto const& view) {
    krate::testing::write_on_host(
        view, [](auto const& host) { std::fill_n(host.data(), host.size(), std::numeric_limits<T>::quiet_NaN()); });
  };
  if (layout == Layout::right) {
    v = Kokkos::View<T**, Kokkos::LayoutRight, Device>(raw, m, n);
  } else if (layout == Layout::left) {
    v = Kokkos::View<T**, Kokkos::LayoutLeft, Device>(raw, m, n);
  } else {
    std::size_t const step = layout == Layout::inner ? 1 : 2;
    Kokkos::View<T**, Kokkos::LayoutRight, Device> const whole(raw, m + 3, step * n + 5);
    fill_with_nan(whole);
    v = AnyLayout<T>(
        Kokkos::subview(whole, pair<std::size_t, std::size_t>(1, m + 1), pair<std::size_t, std::size_t>(2, n + 2)));
    if (step == 2) {  // every other column: neither stride is 1
      Kokkos::View<T***, Kokkos::LayoutRight, Device> const pairs(raw, m + 3, n + 2, 2);
      fill_with_nan(pairs);
      v = AnyLayout<T>(Kokkos::subview(pairs, pair<std::size_t, std::size_t>(1, m + 1),
                                       pair<std::size_t, std::size_t>(1, n + 1), 0));
    }
  }
  krate::testing::write_on_host(v, [&](auto const& host) {
    for (std::size_t i = 0; i < m; ++i)
      for (std::size_t j = 0; j < n; ++j) host(i, j) = static_cast<T>(a(i, j));
  });
  return v;
}

/// The numbers that `T` holds.
template <class T>
Array rounded(Array a) {
  for (double& x : a.data) x = static_cast<double>(static_cast<T>(x));
  return a;
}

/// The routes that this space has.
inline std::vector<krate::Route> routes() {
  std::vector<krate::Route> list = {krate::Route::automatic, krate::Route::portable};
  if (KRATE_HAVE_BLAS && Kokkos::SpaceAccessibility<TestSpace, Kokkos::HostSpace>::accessible)
    list.push_back(krate::Route::vendor);
  return list;
}

/// Which route a call took: the region "krate::op[vendor]" or "krate::op[onednn]", or the kernel "krate::op::portable".
template <class Call>
std::string route_of(std::string const& op, Call const& call) {
  krate::testing::Recording recording;
  call();
  TestSpace().fence("krate::test: route");
  std::string found;
  for (std::string const route : {"[vendor]", "[onednn]", "::portable"})
    if (recording.saw(op + route)) found += route;
  if (found.find_first_of("[") == 0 && found.find(']') + 1 == found.size()) return found.substr(1, found.size() - 2);
  return found == "::portable" ? "portable" : found.empty() ? "none" : "more than one: " + found;
}
inline bool const has_vendor = routes().size() == 3;

/// The route of large products.
template <class T>
std::string large_route() {
  bool const built = krate::build_info().find("oneDNN: off") == std::string::npos;
  if (built && std::is_same_v<T, float> && !krate::impl::is_device<TestSpace>) return "onednn";
  return has_vendor ? "vendor" : "portable";
}

}  // namespace
