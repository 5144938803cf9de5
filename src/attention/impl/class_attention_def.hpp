// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/attention/class_attention.hpp"
#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"

namespace krate::impl {

/// One work item a head of a sample.
template <class Space, class T>
struct AttendClass {
  ConstTensor3<T, Space> qkv;
  Tensor3<T, Space> a;
  Matrix<T, Space> out;
  KOKKOS_FUNCTION void operator()(std::int64_t item) const {
    int const heads = static_cast<int>(a.extent(1)), tokens = static_cast<int>(a.extent(2)),
              inner = static_cast<int>(out.extent(1)), p = inner / heads;
    auto const b = item / heads;
    int const h = static_cast<int>(item % heads);
    T const* const q = &qkv(b, 0, h * p);
    T const scale = T(1) / Kokkos::sqrt(static_cast<T>(p));
    T most = 0;
    for (int n = 0; n < tokens; ++n) {
      T const* const k = &qkv(b, n, inner + h * p);
      T dot = 0;
      for (int j = 0; j < p; ++j) dot += q[j] * k[j];
      a(b, h, n) = dot * scale;
      most = n == 0 ? a(b, h, n) : Kokkos::fmax(most, a(b, h, n));
    }
    T sum = 0;
    for (int n = 0; n < tokens; ++n) sum += a(b, h, n) = Kokkos::exp(a(b, h, n) - most);
    T* const o = &out(b, h * p);
    for (int j = 0; j < p; ++j) o[j] = 0;
    for (int n = 0; n < tokens; ++n) {
      T const share = a(b, h, n) /= sum;
      T const* const v = &qkv(b, n, 2 * inner + h * p);
      for (int j = 0; j < p; ++j) o[j] += share * v[j];
    }
  }
};

/// One work item a head of a sample.
template <class Space, class T>
struct AttendClassBackward {
  ConstTensor3<T, Space> qkv, a;
  ConstMatrix<T, Space> dout;
  Tensor3<T, Space> dqkv;
  KOKKOS_FUNCTION T upstream(std::int64_t b, int n, int inner, int first, int p) const {
    T const *const v = &qkv(b, n, 2 * inner + first), *const d = &dout(b, first);
    T dot = 0;
    for (int j = 0; j < p; ++j) dot += d[j] * v[j];
    return dot;
  }
  KOKKOS_FUNCTION void operator()(std::int64_t item) const {
    int const heads = static_cast<int>(a.extent(1)), tokens = static_cast<int>(a.extent(2)),
              inner = static_cast<int>(dout.extent(1)), p = inner / heads;
    auto const b = item / heads;
    int const h = static_cast<int>(item % heads), first = h * p;
    T const *const q = &qkv(b, 0, first), *const d = &dout(b, first);
    T const scale = T(1) / Kokkos::sqrt(static_cast<T>(p));
    T mean = 0;
    for (int n = 0; n < tokens; ++n) mean += a(b, h, n) * upstream(b, n, inner, first, p);
    for (int n = 0; n < tokens; ++n)
      for (int j = 0; j < p; ++j) dqkv(b, n, first + j) = 0;
    T* const dq = &dqkv(b, 0, first);
    for (int n = 0; n < tokens; ++n) {
      T const share = a(b, h, n), slope = scale * share * (upstream(b, n, inner, first, p) - mean);
      T const* const k = &qkv(b, n, inner + first);
      T *const dk = &dqkv(b, n, inner + first), *const dv = &dqkv(b, n, 2 * inner + first);
      for (int j = 0; j < p; ++j) {
        dq[j] += slope * k[j];
        dk[j] = slope * q[j];
        dv[j] = share * d[j];
      }
    }
  }
};

template <class Space, class T>
void ClassAttention<Space, T>::forward(Space const& space, ConstTensor3<T, Space> qkv, Tensor3<T, Space> probabilities,
                                       Matrix<T, Space> out) {
  if (qkv.size() == 0) return;
  Kokkos::parallel_for(KRATE_LABEL("krate::class_attention"),
                       elements(space, probabilities.extent(0) * probabilities.extent(1)),
                       AttendClass<Space, T>{qkv, probabilities, out});
}

template <class Space, class T>
void ClassAttention<Space, T>::backward(Space const& space, ConstTensor3<T, Space> qkv,
                                        ConstTensor3<T, Space> probabilities, ConstMatrix<T, Space> dout,
                                        Tensor3<T, Space> dqkv) {
  if (qkv.size() == 0) return;
  Kokkos::parallel_for(KRATE_LABEL("krate::class_attention_backward"),
                       elements(space, probabilities.extent(0) * probabilities.extent(1)),
                       AttendClassBackward<Space, T>{qkv, probabilities, dout, dqkv});
}

}  // namespace krate::impl
