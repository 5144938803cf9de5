// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A simulation that owns Kokkos, MPI, its communicator and its Views asks krate, every few steps, how much its field
// varies: the coding rate of the states of all cells on all ranks. Heat spreads over a periodic ring of cells that
// carry 16 quantities each; as they mix, the states become alike and the rate falls. What that costs goes to stderr.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <krate/rate/rate_accumulator.hpp>
#include <utility>

using Space = Kokkos::DefaultExecutionSpace;
using Field = Kokkos::View<double**, Space>;  // [cells + 2, quantities], in the layout that the simulation likes

constexpr int quantities = 16;
struct Run {
  int cells = 240, steps = 1600, every = 400;
};

auto interior(Field const& u) {
  return Kokkos::subview(u, std::pair<int, int>(1, static_cast<int>(u.extent(0)) - 1), Kokkos::ALL);
}

// The two outermost cells belong to the neighbours.
void exchange(Space const& space, krate::comm::Communicator const& comm, Field const& u) {
  int const last = static_cast<int>(u.extent(0)) - 1;
  auto const row = [&](int i) { return Kokkos::subview(u, i, Kokkos::ALL); };
  if (comm.size() == 1) {
    Kokkos::deep_copy(space, row(0), row(last - 1));
    Kokkos::deep_copy(space, row(last), row(1));
    return;
  }
#if KRATE_ENABLE_MPI
  static double out[2][quantities], in[2][quantities];
  using Line = Kokkos::View<double*, Kokkos::HostSpace, Kokkos::MemoryUnmanaged>;
  Kokkos::View<double*, Space> const line(Kokkos::view_alloc(space, "line"), quantities);
  for (int side : {0, 1}) {
    Kokkos::deep_copy(space, line, row(side == 0 ? 1 : last - 1));
    Kokkos::deep_copy(space, Line(out[side], quantities), line);
  }
  space.fence("borders are sent");
  int const left = (comm.rank() + comm.size() - 1) % comm.size(), right = (comm.rank() + 1) % comm.size();
  MPI_Sendrecv(out[0], quantities, MPI_DOUBLE, left, 0, in[1], quantities, MPI_DOUBLE, right, 0, MPI_COMM_WORLD,
               MPI_STATUS_IGNORE);
  MPI_Sendrecv(out[1], quantities, MPI_DOUBLE, right, 1, in[0], quantities, MPI_DOUBLE, left, 1, MPI_COMM_WORLD,
               MPI_STATUS_IGNORE);
  for (int side : {0, 1}) {
    Kokkos::deep_copy(space, line, Line(in[side], quantities));
    Kokkos::deep_copy(space, row(side == 0 ? 0 : last), line);
  }
#endif
}

void simulate(Space const& space, krate::comm::Communicator const& comm, Run const& run) {
  int const cells = run.cells;
  auto const mine = krate::comm::share_of(cells, comm.rank(), comm.size());
  int const n = static_cast<int>(mine.count), first = static_cast<int>(mine.begin);
  Field u(Kokkos::view_alloc(space, "u"), n + 2, quantities),
      next(Kokkos::view_alloc(space, "next"), n + 2, quantities);
  using Cells = Kokkos::MDRangePolicy<Space, Kokkos::Rank<2>>;
  Cells const all(space, {1, 0}, {n + 1, quantities});
  Kokkos::parallel_for(
      "start", all, KOKKOS_LAMBDA(int i, int q) {
        u(i, q) = 1 + Kokkos::sin(2 * Kokkos::numbers::pi * (q + 1) * (first + i) / cells);
      });

  krate::RateAccumulator<Space, double> rate(space, comm, {.dim = quantities, .eps_squared = 1e-2});
  double in_krate = 0;
  Kokkos::Timer const whole;
  for (int step = 0; step <= run.steps; ++step) {
    if (step % run.every == 0) {
      space.fence("the field is complete");
      Kokkos::Timer const clock;
      rate.reset(space);
      rate.add(space, interior(u));           // a subview: no copy, fence or allocation
      double const now = rate.result(space);  // one all-reduce, the one fence
      in_krate += clock.seconds();
      if (comm.is_root()) std::printf("step %4d  coding rate %.6f nats\n", step, now);
    }
    exchange(space, comm, u);
    Kokkos::parallel_for(
        "spread", all,
        KOKKOS_LAMBDA(int i, int q) { next(i, q) = u(i, q) + 0.4 * (u(i - 1, q) - 2 * u(i, q) + u(i + 1, q)); });
    std::swap(u, next);
  }
  space.fence("the last step is done");
  double const solver = whole.seconds() - in_krate;
  if (comm.is_root())
    std::fprintf(stderr, "solver %.3f s, rates %.3f s: %.2f %% overhead\n", solver, in_krate, 100 * in_krate / solver);
}

// Arguments: cells, steps, and how often the rate is asked for.
int main(int argc, char** argv) {
#if KRATE_ENABLE_MPI
  MPI_Init(&argc, &argv);
#endif
  Kokkos::initialize(argc, argv);
  {
    Run run;
    int* const numbers[] = {&run.cells, &run.steps, &run.every};
    for (int a = 1; a < argc && a <= 3; ++a) *numbers[a - 1] = std::max(1, std::atoi(argv[a]));
    Space const space = Kokkos::Experimental::partition_space(Space(), 1)[0];
#if KRATE_ENABLE_MPI
    MPI_Comm ranks;
    MPI_Comm_dup(MPI_COMM_WORLD, &ranks);
    simulate(space, krate::comm::Communicator(ranks), run);  // krate keeps a duplicate of its own
    MPI_Comm_free(&ranks);
#else
    simulate(space, krate::comm::Communicator(), run);
#endif
  }
  Kokkos::finalize();
#if KRATE_ENABLE_MPI
  MPI_Finalize();
#endif
}
