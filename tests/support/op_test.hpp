// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the test of every operation needs: a space, a workspace, guarded outputs, tolerances.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "krate/core/arena.hpp"
#include "support/array.hpp"
#include "support/gradient_check.hpp"
#include "support/recorder.hpp"
#include "support/scalar_test.hpp"

namespace krate::testing {

/// c * eps(Scalar) * sqrt(length), for sums of `length` products.
template <class Scalar>
double tolerance(std::size_t length, double c = 16) {
  return c * std::numeric_limits<Scalar>::epsilon() * std::sqrt(static_cast<double>(std::max<std::size_t>(length, 1)));
}

/// An output of the given shape with guard elements before and after it, filled with NaN.
template <class Space, class T, std::size_t Rank>
class Guarded {
 public:
  using V = krate::impl::RowMajor<typename krate::impl::AddStars<T, Rank>::type, Space>;
  template <class... E>
  explicit Guarded(E... extents)
      : count_((std::size_t(1) * ... * static_cast<std::size_t>(extents))),
        memory_(Kokkos::view_alloc("krate::test::guarded", Kokkos::WithoutInitializing), count_ + 2 * pad),
        view_(memory_.data() + pad, static_cast<std::size_t>(extents)...) {
    write_on_host(memory_, [&](auto const& host) {
      for (std::size_t i = 0; i < host.size(); ++i)
        host(i) = i < pad || i >= pad + count_ ? T(-1234.5) : std::numeric_limits<T>::quiet_NaN();
    });
  }
  V const& view() const { return view_; }
  Array array() const { return to_array(view_); }
  /// True while nothing outside the output was written.
  bool intact() const {
    Array const all = to_array(memory_);
    for (std::size_t i = 0; i < pad; ++i)
      if (all(i) != static_cast<double>(T(-1234.5)) || all(pad + count_ + i) != static_cast<double>(T(-1234.5)))
        return false;
    return true;
  }

 private:
  static constexpr std::size_t pad = 32;
  std::size_t count_;
  Kokkos::View<T*, krate::DeviceOf<Space>> memory_;
  V view_;
};

/// Type and text of what `call` throws: EXPECT_ERROR(ShapeError, "part of the text", call).
#define EXPECT_ERROR(Type, part, call)                                                                      \
  try {                                                                                                     \
    call;                                                                                                   \
    ADD_FAILURE() << "nothing was thrown";                                                                  \
  } catch (Type const& error) {                                                                             \
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << "the text was: " << error.what(); \
  }

}  // namespace krate::testing
