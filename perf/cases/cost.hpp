// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

namespace krate::perf {

/// What a case costs: the floating-point operations that the shipped algorithm does, and the least memory traffic, each
/// input read once and each output written once.
///
/// A product counts 2 m n k, whether it writes or adds. Elsewhere each addition, multiplication, division, comparison,
/// square root, exponential and logarithm counts one; terms that do not grow with the number of rows are left out.
struct Cost {
  double flops = 0, bytes = 0;
};

inline double product_flops(double m, double n, double k) {
  return 2 * m * n * k;
}

}  // namespace krate::perf
