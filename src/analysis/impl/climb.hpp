// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What both ascents do: checks of options, steps, norms, and the record of a climb.
#pragma once

#include <cmath>
#include <string>

#include "krate/analysis/ascent.hpp"
#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/core/require.hpp"
#include "krate/linalg/gemm.hpp"

namespace krate::impl {

inline void require_ascent(char const* where, analysis::AscentOptions const& options) {
  require_value(options.step >= 0 && std::isfinite(options.step), where, "step", options.step,
                "must be positive, or 0 for the default");
  require_value(options.tolerance >= 0, where, "tolerance", options.tolerance, "must not be negative");
}

/// to += step from, in memory order.
template <class Space, class T>
struct StepAlong {
  Vector<T const, Space> from;
  Vector<T, Space> to;
  T step;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const { to(i) += step * from(i); }
};
template <class Space, class T>
void step_along(Space const& space, T step, Matrix<T, Space> const& from, Matrix<T, Space> const& to) {
  Kokkos::parallel_for(
      KRATE_LABEL("krate::analysis::ascent::step"), elements(space, to.size()),
      StepAlong<Space, T>{Vector<T, Space>(from.data(), from.size()), Vector<T, Space>(to.data(), to.size()), step});
}

/// square = |m|^2
template <class Space, class T>
void square_norm(Space const& space, Matrix<T, Space> const& m, Value<T, Space> const& square) {
  Matrix<T, Space> const column(m.data(), m.size(), 1);
  gemm(space, "T", "N", 1, column, column, 0, Matrix<T, Space>(square.data(), 1, 1));
}

/// Adds a point of the climb. @return true at its end
inline bool record(char const* where, analysis::AscentOptions const& options, double objective, double norm,
                   analysis::AscentTrace& trace) {
  trace.objective.push_back(objective);
  trace.gradient_norm.push_back(norm);
  if (!std::isfinite(objective) || !std::isfinite(norm)) {
    throw NumericalError(where, "the objective is not finite after " + std::to_string(trace.steps()) +
                                    " steps (NaN in z, or steps that are too long); look at z, or lower the step");
  }
  trace.converged = norm < options.tolerance;
  return trace.converged || trace.steps() >= options.iterations;
}

}  // namespace krate::impl
