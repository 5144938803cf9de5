// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <cmath>
#include <krate/krate.hpp>

static_assert(krate::is_instantiated<Kokkos::Serial, double>);
static_assert(!krate::is_instantiated<Kokkos::Serial, float>);

int main() {
  Kokkos::ScopeGuard const kokkos;
  Kokkos::Serial const space;
  Kokkos::View<double**, Kokkos::Serial> const z(Kokkos::view_alloc(space, "z"), 3, 2);
  Kokkos::deep_copy(space, z, 1.0);  // Z^T Z has the eigenvalues 6 and 0
  krate::RateAccumulator<Kokkos::Serial, double> rate(space, {}, {.dim = 2, .eps_squared = 1});
  rate.add(space, z);
  bool const rate_is_right = std::abs(rate.result(space) - 0.5 * std::log(1 + 2.0 / 3 * 6)) < 1e-14;
  krate::models::Crate<Kokkos::Serial, double> const model(
      space, {.image_size = 8, .patch_size = 4, .dim = 8, .depth = 1, .heads = 2, .classes = 3}, krate::Seed{1});
  return rate_is_right && model.parameters().count() > 0 ? 0 : 1;
}
