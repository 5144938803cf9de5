// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/elementwise.hpp"
#include "krate/nn/impl/initialize_decl.hpp"

namespace krate {

/// Fills v with uniform numbers in [-bound, bound]. Element k, in memory order, depends on (seed, stream, k) only:
/// neither on threads nor on ranks, and the float is the double rounded.
/// Usual bounds: fan_in^(-1/2) for linear maps; (6 / fan_in)^(1/2) for dictionaries, the uniform form of the
/// normal law of He et al., "Delving deep into rectifiers", ICCV 2015, eq. 10.
/// @param v  contiguous, of any rank     @param stream  one value for each tensor
/// @throws ValueError if v has gaps, or bound is negative or NaN
/// @note allocates: no; fences: no; bitwise repeatable: yes, for any number of threads
template <class Space, class V>
void initialize_uniform(Space const& space, V const& v, double bound, Seed seed, std::uint32_t stream) {
  using T = typename V::value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::initialize_uniform";
  require_value(bound >= 0, where, "bound", bound, "must not be negative");
  impl::Initialize<Space, T>::uniform(space, impl::flat<Space>(where, v), bound, seed, stream);
}

/// Fills v with normal numbers of mean 0; else as initialize_uniform. Usual: deviation 1 for class token and positions.
/// @throws ValueError if v has gaps, or deviation is negative or NaN
/// @note allocates: no; fences: no; bitwise repeatable: yes, for any number of threads
template <class Space, class V>
void initialize_normal(Space const& space, V const& v, double deviation, Seed seed, std::uint32_t stream) {
  using T = typename V::value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::initialize_normal";
  require_value(deviation >= 0, where, "deviation", deviation, "must not be negative");
  impl::Initialize<Space, T>::normal(space, impl::flat<Space>(where, v), deviation, seed, stream);
}

}  // namespace krate
