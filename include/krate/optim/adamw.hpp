// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <array>

#include "krate/optim/impl/adamw_decl.hpp"
#include "krate/optim/layer_rates.hpp"

namespace krate::optim {

/// Adam with decoupled weight decay.
struct AdamW {
  double learning_rate = 1e-3;  ///< what a schedule starts from
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.05;

  static constexpr char const* name = "adamw";
  static constexpr std::array<char const*, 2> state_names = {"first_moment", "second_moment"};
};

/// One step of AdamW over all parameters w with gradients g = gradient_scale * gradient:
///     w *= 1 - learning_rate * weight_decay                                       where the parameter decays
///     m = beta1 m + (1 - beta1) g,   v = beta2 v + (1 - beta2) g^2
///     w -= learning_rate * (m / (1 - beta1^step)) / (sqrt(v / (1 - beta2^step)) + epsilon)
/// Source: Loshchilov, Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2; as PyTorch, the decay
/// is scaled by the learning rate and comes first.
/// @param learning_rate  that of this step     @param step  1 for the first
/// @param gradient_scale  rank-0 View of T: what clip_scale gives, or 1
/// @param first_moment,second_moment  [list.length()], updated; zero before the first step
/// @param gradients  zero: they are 0 afterwards, in the same sweep, for the backward pass that adds to them next
/// @param rates  a factor of the learning rate for each of list.entries(); empty: 1 (see layer_rates)
/// @throws ShapeError if a state does not fit the list; ValueError if a number is out of range
/// @note allocates: no; fences: no; bitwise repeatable: yes, for any number of threads
template <class Space, class T, class Scale, class First, class Second>
void adamw_update(Space const& space, AdamW const& rule, double learning_rate, std::int64_t step,
                  ParameterList<Space, T> const& list, Scale const& gradient_scale, First const& first_moment,
                  Second const& second_moment, Gradients gradients = Gradients::keep,
                  std::span<double const> rates = {}) {
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::optim::adamw_update";
  require_value(learning_rate >= 0, where, "learning_rate", learning_rate, "must not be negative");
  require_value(step >= 1, where, "step", step, "counts from 1");
  require_value(rule.beta1 >= 0 && rule.beta1 < 1, where, "beta1", rule.beta1, "must lie in [0, 1)");
  require_value(rule.beta2 >= 0 && rule.beta2 < 1, where, "beta2", rule.beta2, "must lie in [0, 1)");
  require_value(static_cast<T>(rule.epsilon) > 0, where, "epsilon", rule.epsilon, "must be positive");
  require_value(rule.weight_decay >= 0, where, "weight_decay", rule.weight_decay, "must not be negative");
  require_shape(where, "first_moment", first_moment, {list.length()}, "one number for each of list.length()");
  require_shape(where, "second_moment", second_moment, {list.length()}, "one number for each of list.length()");
  require_rates(where, rates, list);
  krate::impl::AdamWUpdate<Space, T>::run(space, rule, learning_rate, step, list, as_value<Space>(gradient_scale),
                                          as_vector<Space>(first_moment), as_vector<Space>(second_moment), gradients,
                                          rates);
}

}  // namespace krate::optim
