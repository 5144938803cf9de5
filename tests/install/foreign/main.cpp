// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A program that krate knows nothing of: it starts Kokkos and MPI itself, splits its communicator, owns all Views in
// its own layouts, calls the rate, MSSA and ISTA, and stops everything in an order of its own. What it computes has
// closed forms: rows of orthogonal matrices for the rate, equal tokens for attention, an identity dictionary for sparse
// coding.
#include <Kokkos_Core.hpp>
#include <cmath>
#include <cstdio>
#include <krate/attention/mssa.hpp>
#include <krate/core/arena.hpp>
#include <krate/linalg/fetch.hpp>
#include <krate/rate/coding_rate.hpp>
#include <krate/rate/rate_accumulator.hpp>
#include <krate/sparse/ista.hpp>
#include <memory>

using Space = Kokkos::DefaultExecutionSpace;
template <class Data, class Layout>
using View = Kokkos::View<Data, Layout, Space>;
using Left = Kokkos::LayoutLeft;
using Right = Kokkos::LayoutRight;

constexpr int dim = 6;
int failures = 0;

void expect(char const* what, double found, double expected, double tolerance = 1e-12) {
  if (std::abs(found - expected) <= tolerance * std::abs(expected)) return;
  std::fprintf(stderr, "%s: found %.17g, expected %.17g\n", what, found, expected);
  ++failures;
}

// Every rank holds `scale` times the identity, so that the group's second moment is size scale^2 I.
template <class Layout>
void check_rate(Space const& space, krate::comm::Communicator const& group, double scale) {
  View<double**, Layout> const z(Kokkos::view_alloc(space, "z"), dim, dim), g(Kokkos::view_alloc(space, "g"), dim, dim);
  Kokkos::parallel_for(
      "identity", Kokkos::RangePolicy<Space>(space, 0, dim), KOKKOS_LAMBDA(int i) { z(i, i) = scale; });
  constexpr double eps_squared = 0.25;
  double const alpha = 1 / (group.size() * eps_squared);

  krate::RateAccumulator<Space, double> rate(space, group, {.dim = dim, .eps_squared = eps_squared});
  rate.add(space, z);
  expect("accumulated rate", rate.result(space), 0.5 * dim * std::log(1 + alpha * group.size() * scale * scale));
  rate.gradient(space, z, g);
  auto const corner = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), g);
  expect("gradient", corner(2, 2), alpha * scale / (1 + alpha * group.size() * scale * scale));
  expect("gradient off the diagonal", corner(1, 2) + 1, 1);

  View<double, Right> const alone(Kokkos::view_alloc(space, "rate"));
  krate::Arena<Space> const arena(space, krate::coding_rate_workspace(dim, dim));
  krate::coding_rate(space, z, {.eps_squared = eps_squared}, arena.workspace(), alone);
  expect("rate", krate::fetch(space, alone, "rate"), 0.5 * dim * std::log(1 + scale * scale / eps_squared));
}

// Equal tokens attend to each other equally: O = W = x U^T with U = I, and y = O B^T + b with B = 2 I.
void check_layers(Space const& space, krate::Mssa<Space, float>& mssa) {
  constexpr int batch = 2, tokens = 5;
  View<float***, Right> const x(Kokkos::view_alloc(space, "x"), batch, tokens, dim),
      y(Kokkos::view_alloc(space, "y"), batch, tokens, dim);
  View<float**, Right> const eye(Kokkos::view_alloc(space, "U"), dim, dim),
      twice(Kokkos::view_alloc(space, "B"), dim, dim), code(Kokkos::view_alloc(space, "code"), batch * tokens, dim);
  View<float*, Left> const bias(Kokkos::view_alloc(space, "b"), dim);
  Kokkos::deep_copy(space, x, 0.5f);
  Kokkos::deep_copy(space, bias, 0.25f);
  Kokkos::parallel_for(
      "identity", Kokkos::RangePolicy<Space>(space, 0, dim), KOKKOS_LAMBDA(int i) {
        eye(i, i) = 1;
        twice(i, i) = 2;
      });
  mssa.forward(space, x, eye, twice, bias, y);
  auto const attended = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), y);
  expect("attention", attended(1, 3, 2), 1.25, 1e-6);

  // With D = I the residual vanishes: code = max(0, y - eta lambda).
  krate::Ista<Space, float> const ista(space, {.dim = dim, .max_tokens = batch * tokens}, {.eta = 0.5, .lambda = 0.5});
  ista.forward(space, View<float**, Right>(y.data(), batch * tokens, dim), eye, code);
  auto const coded = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), code);
  expect("sparse code", coded(7, 5), 1.0, 1e-6);
}

int main(int argc, char** argv) {
  Kokkos::initialize(argc, argv);  // Kokkos first, MPI second, and the first to stop is MPI
  {
    auto const mssa = std::make_unique<krate::Mssa<Space, float>>(
        Space(), krate::MssaSize{.dim = dim, .heads = 2, .max_batch = 2, .max_tokens = 5});
#if KRATE_ENABLE_MPI
    MPI_Init(&argc, &argv);
    int rank = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm split = MPI_COMM_NULL;
    MPI_Comm_split(MPI_COMM_WORLD, rank % 2, -rank, &split);
    {
      krate::comm::Communicator const group(split);
      MPI_Comm_free(&split);  // krate's is a duplicate
      check_rate<Left>(Space(), group, 1 + rank % 2);
      check_rate<Right>(Space(), group, 1 + rank % 2);
    }
    MPI_Finalize();
#else
    check_rate<Left>(Space(), {}, 1);
    check_rate<Right>(Space(), {}, 1);
#endif
    check_layers(Space(), *mssa);
  }
  Kokkos::finalize();
  return failures == 0 ? 0 : 1;
}
