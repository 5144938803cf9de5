// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/analysis/impl/lanczos_decl.hpp"
#include "krate/core/require.hpp"

namespace krate::analysis {

/// Largest eigenvalues of a symmetric operator that is known by its products alone, by the method of Lanczos with every
/// new vector made orthogonal to all before, twice. Source: Lanczos 1950; Golub and Van Loan, "Matrix computations",
/// section 10.1. An eigenvalue with several eigenvectors is found once, or again where rounding brings in another of
/// them: take the values for a set, not for multiplicities.
/// @param size   order of the operator, at least 1
/// @param apply  apply(x, y) writes the product with x [size] into y [size], on `space`
/// @return  as many values as asked for, or fewer where the operator has fewer different ones, with the norms of their
///          residuals
/// @throws ValueError for bad options; NumericalError if a product is not finite; what `apply` throws
/// @note allocates: yes, options.most_products vectors, before the first product; fences: each product; bitwise
///       repeatable: yes, if `apply` is
template <class Space>
LanczosResult largest_eigenvalues(Space const& space, std::size_t size, LanczosOptions const& options,
                                  SymmetricOperator<Space> apply) {
  static_assert(is_instantiated<Space, double>, "krate was built without this space: see KRATE_EXEC_SPACES");
  constexpr char const* where = "krate::analysis::largest_eigenvalues";
  require_value(size > 0, where, "size", size, "must be positive");
  require_value(options.count > 0 && options.count <= size, where, "count", options.count,
                "must be from 1 to the order of the operator");
  require_value(options.most_products >= options.count, where, "most_products", options.most_products,
                "must be at least count");
  require_value(options.tolerance >= 0, where, "tolerance", options.tolerance, "must not be negative");
  return krate::impl::Lanczos<Space, double>::run(space, size, options, apply);
}

}  // namespace krate::analysis
