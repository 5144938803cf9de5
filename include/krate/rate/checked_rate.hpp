// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/label.hpp"
#include "krate/linalg/fetch.hpp"
#include "krate/linalg/require_finite.hpp"

namespace krate {

/// Waits for `space` and returns a rate on the host, once it is known to be a number. Rates of finite samples are; so
/// the samples are looked through only where the rate is NaN.
/// @param rate  rank-0 View of double that a function of this module wrote     @param z  [samples, dim], what it is of
/// @throws NumericalError from `where` with the position of the first NaN or infinity in z, or, without one, if sums of
///         squares overflow
/// @note allocates: no; fences: once
template <class Space, class Rate, class Z>
double checked_rate(Space const& space, char const* where, Rate const& rate, Z const& z) {
  double const found = fetch(space, rate, KRATE_LABEL("krate::checked_rate: rate is read"));
  if (found == found) return found;
  require_finite(space, where, "z", z);
  throw NumericalError(where,
                       "the rate is NaN though all samples are finite (sums of their squares overflow, or a "
                       "label is out of range); scale the samples, look at the labels");
}

}  // namespace krate
