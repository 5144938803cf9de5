// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The MCR2 objective, from arrays to arrays, and by plain loops.
#pragma once

#include "krate/rate/mcr2.hpp"
#include "rate/redunet_runs.hpp"

namespace {

struct Mcr2Result {
  double loss;
  Array gradient;
};

template <class T>
Mcr2Result run_mcr2(Array const& z, std::vector<int> const& labels, krate::Mcr2Objective const& objective,
                    std::size_t classes, Layout layout = Layout::right, krate::comm::Communicator const& comm = {}) {
  Bench const bench(krate::mcr2_workspace<TestSpace>(z.extent(0), z.extent(1), classes));
  Scalar0<double> const loss("krate::test");
  auto const gradient = laid_out<T>(Array({z.extent(0), z.extent(1)}), layout);
  krate::mcr2_loss(bench.space, comm, laid_out<T>(z, layout), label_view(labels), objective, classes, bench.work(),
                   loss, gradient);
  return {to_array(loss)(0), to_array(gradient)};
}

inline double mcr2_oracle(Array const& z, std::vector<int> const& labels, krate::Mcr2Objective const& objective,
                          std::size_t classes) {
  Array const rows = objective.frobenius > 0 ? z : krate::testing::unit_rows(z);
  auto const maps = krate::testing::redunet_maps(rows, labels, classes, objective.eps_squared);
  double square = 0;
  for (double const x : rows.data) square += x * x;
  return maps.class_rate - maps.rate + objective.frobenius / 2 * square;
}

}  // namespace
