// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <string_view>

namespace krate::optim {

/// The learning rate of each step, on the host. With k the step, counted from 0, W = warmup_steps and T = steps:
///     warmup_cosine            learning_rate (k + 1) / W for k < W, then with m = min_learning_rate
///                              m + (learning_rate - m) (1 + cos(pi (k - W) / (T - W))) / 2
///     warmup_cosine_from_zero  the same with k / W: the first step has rate 0
///     crate                    learning_rate min((k + 1) / W, (1 + cos(pi k / T)) / 2)
///     constant                 the warm-up of warmup_cosine, then learning_rate
/// Source: the cosine is that of Loshchilov, Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017,
/// eq. 5; `crate` is the factor of CRATE's official code (Yu et al. 2023), there counted in epochs.
/// From step T on the rate is that of the end. Without warm-up (W = 0) the first part is empty.
struct Schedule {
  enum class Kind { constant, warmup_cosine, warmup_cosine_from_zero, crate };

  Kind kind = Kind::warmup_cosine;
  double learning_rate = 1e-3;
  std::int64_t steps = 0;  ///< of the whole run; unused by constant
  std::int64_t warmup_steps = 0;
  double min_learning_rate = 0;  ///< unused by constant and crate

  /// @param step  counted from 0
  /// @throws ValueError if a number is out of range
  double at(std::int64_t step) const;
};

/// The kind of that name. @throws ValueError, with the list of names, if there is none
Schedule::Kind parse_schedule(std::string_view name);

/// The name that parse_schedule takes.
char const* name(Schedule::Kind kind);

}  // namespace krate::optim
