// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/fetch.hpp"
#include "krate/rate/closed_loop.hpp"
#include "rate/runs.hpp"

namespace {

struct LoopResult {
  std::array<double, 3> values;
  Array dz, dz_hat;
  double total() const { return values[0] + values[1] + values[2]; }
};

template <class T>
LoopResult run_closed_loop(Array const& z, Array const& z_hat, std::vector<int> const& labels,
                           krate::ClosedLoopOptions const& options, krate::comm::Communicator const& comm = {}) {
  TestSpace space;
  std::size_t const samples = z.extent(0), dim = z.extent(1);
  krate::Arena<TestSpace> arena(space, krate::closed_loop_workspace<TestSpace>(samples, dim, options.classes));
  Guarded<TestSpace, T, 2> dz(samples, dim), dz_hat(samples, dim);
  Guarded<TestSpace, double, 1> values(3);
  krate::closed_loop_rate(space, comm, view<T, 2>(z), view<T, 2>(z_hat), label_view(labels), options, arena.workspace(),
                          values.view(), dz.view(), dz_hat.view());
  space.fence("krate::test: read");
  EXPECT_TRUE(dz.intact() && dz_hat.intact() && values.intact());
  Array const v = values.array();
  return {{v(0), v(1), v(2)}, dz.array(), dz_hat.array()};
}

}  // namespace
