// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Token statistics attention forward and backward as its tests run it.
#pragma once

#include "krate/attention/token_statistics.hpp"
#include "support/checks.hpp"
#include "support/tssa_oracle.hpp"

namespace krate::testing {
namespace {

struct StatisticsResult {
  Array out, membership, dw, dtemperature, dbias;
};

struct StatisticsProblem {
  Array w, temperature, bias, dout;
  bool causal = false;

  /// A bias where attention is causal, for more positions than there are tokens.
  static StatisticsProblem of(std::size_t batch, std::size_t n, std::size_t heads, std::size_t p, bool causal) {
    StatisticsProblem s;
    s.w = filled(1, {batch, n, heads * p});
    s.temperature = filled(3, {heads}, 0.05, 1);  // or float gradients drown where one head takes all
    s.bias = causal ? filled(4, {heads, n + 2}, 0.2) : Array({0, 0});
    s.dout = filled(2, s.w.shape);
    s.causal = causal;
    return s;
  }
  Array oracle(Array* membership = nullptr) const {
    return oracle_token_statistics(w, temperature, bias, causal, membership);
  }
};

/// The problem in the precision of T.
template <class T>
StatisticsProblem in(StatisticsProblem problem) {
  for (Array* a : {&problem.w, &problem.temperature, &problem.bias, &problem.dout})
    for (auto& x : a->data) x = static_cast<double>(static_cast<T>(x));
  return problem;
}

/// Forward and backward with workspaces of exactly the size asked for; nothing outside the outputs and them is
/// written.
template <class T>
StatisticsResult run(StatisticsProblem const& problem, TestSpace const& space = TestSpace()) {
  auto const& [w, temperature, bias, dout, causal] = problem;
  std::size_t const batch = w.extent(0), n = w.extent(1), columns = w.extent(2), heads = temperature.size(),
                    kept = causal ? 0 : columns;
  TssaOptions const options{heads, causal ? Mask::causal : Mask::none};
  Guarded<TestSpace, T, 3> out(batch, n, columns), membership(batch, heads, n), dw(batch, n, columns);
  Guarded<TestSpace, T, 2> energy(batch, kept), moment(batch, kept);
  TokenStatistics<TestSpace, T> const saved{membership.view(), energy.view(), moment.view()};
  std::size_t const forward = token_statistics_workspace<TestSpace, T>(batch, n, columns, options),
                    backward = token_statistics_backward_workspace<TestSpace, T>(batch, n, columns, options);
  Guarded<TestSpace, double, 1> first(forward / sizeof(double)), second(backward / sizeof(double));
  auto const vw = to_view<TestSpace, T, 3>(w), vd = to_view<TestSpace, T, 3>(dout);
  auto const vt = to_view<TestSpace, T, 1>(temperature), dt = to_view<TestSpace, T, 1>(Array({heads}));
  auto const vb = to_view<TestSpace, T, 2>(bias), db = to_view<TestSpace, T, 2>(Array(bias.shape));
  token_statistics(space, vw, vt, vb, options, Workspace<TestSpace>(first.view().data(), forward), out.view(), saved);
  token_statistics_backward(space, vw, vt, vb, options, saved, vd, Workspace<TestSpace>(second.view().data(), backward),
                            dw.view(), dt, db);
  space.fence("krate::test: token statistics");
  EXPECT_TRUE(out.intact() && membership.intact() && energy.intact() && moment.intact() && dw.intact() &&
              first.intact() && second.intact());
  return {out.array(), membership.array(), dw.array(), to_array(dt), to_array(db)};
}

}  // namespace
}  // namespace krate::testing
