// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Does the krate that this program was linked to compute what it should, here?
#include <cmath>
#include <cstdio>
#include <krate/core/arena.hpp>
#include <krate/linalg/fetch.hpp>
#include <krate/rate/coding_rate.hpp>
#include <krate/version.hpp>

using Space = Kokkos::DefaultExecutionSpace;

// n orthonormal rows have n singular values 1, so that R = n/2 log(1 + dim / (n eps_squared)).
double rate_of_orthonormal_rows(Space const& space, int n, int dim, double eps_squared) {
  Kokkos::View<double**, Space> const z(Kokkos::view_alloc(space, "z"), n, dim);
  Kokkos::parallel_for(
      "one", Kokkos::RangePolicy<Space>(space, 0, n), KOKKOS_LAMBDA(int i) { z(i, i) = 1; });
  Kokkos::View<double, Space> const rate(Kokkos::view_alloc(space, "rate"));
  krate::Arena<Space> const arena(space, krate::coding_rate_workspace(n, dim));
  krate::coding_rate(space, z, {.eps_squared = eps_squared}, arena.workspace(), rate);
  return krate::fetch(space, rate, "rate");
}

int main(int argc, char** argv) {
  Kokkos::ScopeGuard const kokkos(argc, argv);
  std::fprintf(stderr, "%s", krate::build_info().c_str());
  double const rate = rate_of_orthonormal_rows(Space(), 8, 16, 0.5), expected = 4 * std::log1p(16 / (8 * 0.5));
  std::printf("coding rate %.6f, expected %.6f\n", rate, expected);
  bool const good = std::abs(rate - expected) < 1e-12;
  std::printf("krate %s\n", good ? "works" : "does NOT work");
  return good ? 0 : 1;
}
