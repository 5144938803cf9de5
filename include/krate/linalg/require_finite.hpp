// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

#include "krate/core/error.hpp"
#include "krate/core/require.hpp"
#include "krate/linalg/impl/first_not_finite_decl.hpp"

namespace krate {

/// Reads all of z [rows, columns], any layout, and waits.
/// @throws NumericalError from `where` with the position of the first NaN or infinity, by rows
/// @note allocates: no; fences: yes
template <class Space, class Z>
void require_finite(Space const& space, char const* where, char const* name, Z const& z) {
  using T = typename Z::non_const_value_type;
  std::int64_t const place = impl::FirstNotFinite<Space, T>::find(space, as_strided<Space>(z));
  if (place < 0) return;
  auto const columns = static_cast<std::int64_t>(z.extent(1));
  throw NumericalError(where, std::string(name) + "(" + std::to_string(place / columns) + ", " +
                                  std::to_string(place % columns) +
                                  ") is NaN or infinite, expected finite numbers; clean the samples");
}

}  // namespace krate
