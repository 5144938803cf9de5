// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <Kokkos_Core.hpp>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "krate/config.hpp"

namespace krate {

/// Where the kernels of `Space` find their memory.
template <class Space>
using DeviceOf = Kokkos::Device<Space, typename Space::memory_space>;

namespace impl {
using Unmanaged = Kokkos::MemoryTraits<Kokkos::Unmanaged>;
template <class Data, class Space>
using RowMajor = Kokkos::View<Data, Kokkos::LayoutRight, DeviceOf<Space>, Unmanaged>;
}  // namespace impl

/// The canonical Views of all kernels: unmanaged and row-major; `Matrix` is [rows, features].
template <class T, class Space>
using Value = impl::RowMajor<T, Space>;
template <class T, class Space>
using Vector = impl::RowMajor<T*, Space>;
template <class T, class Space>
using Matrix = impl::RowMajor<T**, Space>;
template <class T, class Space>
using Tensor3 = impl::RowMajor<T***, Space>;
template <class T, class Space>
using Tensor4 = impl::RowMajor<T****, Space>;
template <class T, class Space>
using ConstVector = Vector<T const, Space>;
template <class T, class Space>
using ConstMatrix = Matrix<T const, Space>;
template <class T, class Space>
using ConstTensor3 = Tensor3<T const, Space>;
template <class T, class Space>
using ConstTensor4 = Tensor4<T const, Space>;

/// Matrices in any layout, at zero copy: what rates and products take.
template <class T, class Space>
using Strided = Kokkos::View<T**, Kokkos::LayoutStride, DeviceOf<Space>, impl::Unmanaged>;
template <class T, class Space>
using ConstStrided = Strided<T const, Space>;

/// Class labels of samples.
using Label = std::int32_t;

/// The type in which sums over `Scalar` are kept inside kernels.
template <class Scalar>
using accumulate_t = Scalar;

namespace impl {

template <class Space, class V>
constexpr void check_reachable() {
  static_assert(Kokkos::SpaceAccessibility<Space, typename V::memory_space>::accessible,
                "this execution space cannot reach the View's memory space; copy it with Kokkos::deep_copy first");
}

[[noreturn]] void throw_gaps(unsigned rank);

template <class V>
void require_packed(V const& v) {
  std::size_t packed = 1;
  for (unsigned r = V::rank(); r-- > 0; packed *= v.extent(r)) {
    if (v.extent(r) > 1 && static_cast<std::size_t>(v.stride(r)) != packed) throw_gaps(V::rank());
  }
}

}  // namespace impl

/// A user's rank-1 View as the canonical one; zero copy. @throws ShapeError if its elements lie apart
template <class Space, class V>
auto as_vector(V const& v) {
  static_assert(V::rank() == 1, "expected a View of rank 1");
  impl::check_reachable<Space, V>();
  impl::require_packed(v);
  return Vector<typename V::value_type, Space>(v.data(), v.extent(0));
}

/// A user's rank-0 View as the canonical one; zero copy.
template <class Space, class V>
auto as_value(V const& v) {
  static_assert(V::rank() == 0, "expected a View of rank 0");
  impl::check_reachable<Space, V>();
  return Value<typename V::value_type, Space>(v.data());
}

/// A user's rank-2 LayoutRight View as the canonical one, its row stride kept; zero copy.
template <class Space, class V>
auto as_matrix(V const& v) {
  static_assert(V::rank() == 2, "expected a View of rank 2");
  static_assert(std::is_same_v<typename V::array_layout, Kokkos::LayoutRight>,
                "krate needs LayoutRight here: declare the View as Kokkos::View<T**, Kokkos::LayoutRight, ...>, "
                "or copy it into one with Kokkos::deep_copy");
  impl::check_reachable<Space, V>();
  using M = Matrix<typename V::value_type, Space>;
  std::size_t const rows = v.extent(0), columns = v.extent(1);
  std::size_t const pitch = rows > 1 && v.stride(0) > columns ? v.stride(0) : columns;
  return M(Kokkos::subview(M(v.data(), rows, pitch), Kokkos::ALL, Kokkos::pair<std::size_t, std::size_t>(0, columns)));
}

/// A user's rank-3 LayoutRight View as the canonical one; zero copy. @throws ShapeError if it has gaps
template <class Space, class V>
auto as_tensor3(V const& v) {
  static_assert(V::rank() == 3, "expected a View of rank 3");
  static_assert(std::is_same_v<typename V::array_layout, Kokkos::LayoutRight>,
                "krate needs LayoutRight here: declare the View as Kokkos::View<T***, Kokkos::LayoutRight, ...>, "
                "or copy it into one with Kokkos::deep_copy");
  impl::check_reachable<Space, V>();
  impl::require_packed(v);
  return Tensor3<typename V::value_type, Space>(v.data(), v.extent(0), v.extent(1), v.extent(2));
}

/// A user's rank-4 LayoutRight View as the canonical one; zero copy. @throws ShapeError if it has gaps
template <class Space, class V>
auto as_tensor4(V const& v) {
  static_assert(V::rank() == 4, "expected a View of rank 4");
  static_assert(std::is_same_v<typename V::array_layout, Kokkos::LayoutRight>,
                "krate needs LayoutRight here: declare the View as Kokkos::View<T****, Kokkos::LayoutRight, ...>, "
                "or copy it into one with Kokkos::deep_copy");
  impl::check_reachable<Space, V>();
  impl::require_packed(v);
  return Tensor4<typename V::value_type, Space>(v.data(), v.extent(0), v.extent(1), v.extent(2), v.extent(3));
}

/// A user's rank-2 View of any layout; zero copy.
template <class Space, class V>
auto as_strided(V const& v) {
  static_assert(V::rank() == 2, "expected a View of rank 2");
  impl::check_reachable<Space, V>();
  return Strided<typename V::value_type, Space>(
      v.data(), Kokkos::LayoutStride(v.extent(0), v.stride(0), v.extent(1), v.stride(1)));
}

/// The transpose: the same memory, strides swapped.
template <class T, class Space>
KOKKOS_INLINE_FUNCTION Kokkos::View<T**, Kokkos::LayoutStride, Space, impl::Unmanaged> transposed(
    Kokkos::View<T**, Kokkos::LayoutStride, Space, impl::Unmanaged> const& v) {
  using V = Kokkos::View<T**, Kokkos::LayoutStride, Space, impl::Unmanaged>;
  return V(v.data(), Kokkos::LayoutStride(v.extent(1), v.stride(1), v.extent(0), v.stride(0)));
}

/// [batch, tokens, dim] seen as [batch * tokens, dim].
template <class V>
auto as_rows(V const& v) {
  static_assert(V::rank() == 3 && std::is_same_v<typename V::array_layout, Kokkos::LayoutRight>);
  return Matrix<typename V::value_type, typename V::execution_space>(v.data(), v.extent(0) * v.extent(1), v.extent(2));
}

}  // namespace krate
