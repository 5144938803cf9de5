// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <array>

#include "analysis/impl/climb.hpp"
#include "krate/analysis/impl/regularised_ascent_decl.hpp"
#include "krate/core/arena.hpp"
#include "krate/rate/impl/host_copy.hpp"

namespace krate::impl {

template <class Space, class T>
analysis::AscentTrace RegularisedAscent<Space, T>::run(Space const& space, Matrix<T, Space> z,
                                                       ConstVector<Label, Space> labels,
                                                       RegularisedRateOptions const& objective,
                                                       analysis::AscentOptions const& options) {
  constexpr char const* where = "krate::analysis::regularised_ascent";
  require_ascent(where, options);
  require_eps_squared(where, objective.eps_squared);
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::analysis::regularised_ascent"));
  std::size_t const n = z.extent(0), d = z.extent(1);
  std::size_t const inner = regularised_rate_workspace<T>(n, d, objective.classes);
  std::size_t const own = measure<Space>([&](Workspace<Space>& work) {
    work.template take<T>(n, d);
    work.template take<T>(2);
  });
  Arena<Space> const arena(space, own + inner, "krate::analysis::regularised_ascent");
  auto work = arena.workspace();
  auto const gradient = work.template take<T>(n, d);
  auto const numbers = work.template take<T>(2);
  double const alpha = static_cast<double>(d) / (static_cast<double>(n) * objective.eps_squared);
  double const step = options.step > 0 ? options.step : 1 / alpha;

  analysis::AscentTrace trace;
  std::array<T, 2> found{};
  while (true) {
    regularised_rate_gradient(space, z, labels, objective, work, Value<T, Space>(numbers.data()), gradient);
    square_norm<Space, T>(space, gradient, Value<T, Space>(numbers.data() + 1));
    copy_to_host(space, numbers, found,
                 KRATE_LABEL("krate::analysis::regularised_ascent: objective and norm are read"));
    if (record(where, options, found[0], std::sqrt(found[1]), trace)) return trace;
    step_along<Space, T>(space, step, gradient, z);
  }
}

}  // namespace krate::impl
