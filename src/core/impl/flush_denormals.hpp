// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Numbers too small to be normal are 0 while one of these lives, on its thread. Exponentials of far pairs end there,
// and on x86 each operation that meets one can take a hundred cycles and more. Host code only.
#pragma once

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace krate::impl {

class FlushDenormals {
#if defined(__SSE2__)
 public:
  FlushDenormals() : before_(_mm_getcsr()) {
    _mm_setcsr(before_ | results | operands);
  }
  ~FlushDenormals() {
    _mm_setcsr(before_);
  }
  FlushDenormals(FlushDenormals const&) = delete;
  FlushDenormals& operator=(FlushDenormals const&) = delete;

 private:
  static constexpr unsigned results = 1U << 15, operands = 1U << 6;
  unsigned before_;
#else
 public:
  FlushDenormals() {}  // of a type that is used: no warning
#endif
};

}  // namespace krate::impl
