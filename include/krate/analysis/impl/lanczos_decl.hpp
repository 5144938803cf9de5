// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <vector>

#include "krate/core/function_ref.hpp"
#include "krate/core/random.hpp"
#include "krate/core/types.hpp"

namespace krate::analysis {

struct LanczosOptions {
  std::size_t count = 1;            ///< how many eigenvalues
  std::size_t most_products = 300;  ///< gives up after so many
  double tolerance = 1e-10;         ///< of the residuals, relative to the largest magnitude among the eigenvalues seen
  Seed seed{};                      ///< of the start
};

struct LanczosResult {
  std::vector<double> values, residuals;  ///< the largest first
  std::size_t products = 0;
  bool converged = false;  ///< whether all residuals are below the tolerance
};

template <class Space>
using SymmetricOperator = FunctionRef<void(ConstVector<double, Space>, Vector<double, Space>)>;

}  // namespace krate::analysis

namespace krate::impl {

template <class Space, class T>
struct Lanczos {
  static analysis::LanczosResult run(Space const& space, std::size_t size, analysis::LanczosOptions const& options,
                                     analysis::SymmetricOperator<Space> apply);
};

}  // namespace krate::impl
