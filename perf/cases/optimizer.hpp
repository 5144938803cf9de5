// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/elementwise.hpp"
#include "krate/optim/optimizer.hpp"
#include "perf/cases/cost.hpp"
#include "perf/cases/memory.hpp"
#include "perf/cases/numbers.hpp"

namespace krate::perf {

struct OptimizerSize {
  std::size_t parameters = 0;
};

/// Of each parameter: scale, both moments and update; Lion: scale, interpolation, sign, update and momentum.
inline double update_flops(optim::Rule const& rule, double parameters) {
  return parameters * (std::holds_alternative<optim::AdamW>(rule) ? 15 : 12);
}
/// Parameters and states are read and written, gradients are read.
inline double update_bytes(optim::Rule const& rule, double parameters, std::size_t scalar) {
  return parameters * static_cast<double>((3 + 2 * optim::state_names(rule).size()) * scalar);
}

/// One tensor with its gradient.
template <class Space, class T>
ParameterList<Space, T> one_parameter(Space const& space, std::size_t size) {
  ParameterList<Space, T> const list(space, {{.name = "w", .shape = {size}}});
  fill_normal(space, list.value(0), 1, 0);
  fill_normal(space, list.gradient(0), 1, 1);
  return list;
}

/// One update of all parameters; Rule is optim::AdamW or optim::Lion.
template <class Rule, class Space, class T>
class OptimizerCase {
 public:
  using Arithmetic = T;
  using Options = OptimizerSize;
  OptimizerCase(Space const& space, Options const& o)
      : list_(one_parameter<Space, T>(space, o.parameters)), state_(space, Rule{}, list_) {
    arena_ = allocate(space, [&](auto& work) { scale_ = work.template take<T>(); });
    fill(space, scale_, T(1));
  }
  void run(Space const& space) { optim::update(space, Rule{}, 1e-3, ++step_, list_, scale_, state_); }
  Cost cost() const {
    auto const count = static_cast<double>(list_.count());
    return {update_flops(Rule{}, count), update_bytes(Rule{}, count, sizeof(T))};
  }
  Vector<T, Space> output() const { return list_.value(0); }

 private:
  ParameterList<Space, T> list_;
  optim::OptimizerState<Space, T> state_;
  Value<T, Space> scale_;
  std::int64_t step_ = 0;
  Arena<Space> arena_;
};
template <class Space, class T>
using AdamWCase = OptimizerCase<optim::AdamW, Space, T>;
template <class Space, class T>
using LionCase = OptimizerCase<optim::Lion, Space, T>;

}  // namespace krate::perf
