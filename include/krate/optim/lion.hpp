// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <array>

#include "krate/optim/impl/lion_decl.hpp"
#include "krate/optim/layer_rates.hpp"

namespace krate::optim {

/// Sign of an interpolated momentum, with decoupled weight decay; what the CRATE papers train with.
struct Lion {
  double learning_rate = 1e-4;  ///< what a schedule starts from
  double beta1 = 0.9;           ///< of the interpolation
  double beta2 = 0.99;          ///< of the momentum
  double weight_decay = 0.05;

  static constexpr char const* name = "lion";
  static constexpr std::array<char const*, 1> state_names = {"momentum"};
};

/// One step of Lion over all parameters w with gradients g = gradient_scale * gradient:
///     w *= 1 - learning_rate * weight_decay                                       where the parameter decays
///     w -= learning_rate * sign(beta1 m + (1 - beta1) g)                          sign(0) = 0, sign(NaN) = NaN
///     m = beta2 m + (1 - beta2) g
/// Source: Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023, algorithm 2.
/// @param learning_rate  that of this step
/// @param gradient_scale  rank-0 View of T: what clip_scale gives, or 1
/// @param momentum  [list.length()], updated; zero before the first step
/// @param gradients  zero: they are 0 afterwards, in the same sweep, for the backward pass that adds to them next
/// @param rates  a factor of the learning rate for each of list.entries(); empty: 1 (see layer_rates)
/// @throws ShapeError if the state does not fit the list; ValueError if a number is out of range
/// @note allocates: no; fences: no; bitwise repeatable: yes, for any number of threads
template <class Space, class T, class Scale, class Momentum>
void lion_update(Space const& space, Lion const& rule, double learning_rate, ParameterList<Space, T> const& list,
                 Scale const& gradient_scale, Momentum const& momentum, Gradients gradients = Gradients::keep,
                 std::span<double const> rates = {}) {
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::optim::lion_update";
  require_value(learning_rate >= 0, where, "learning_rate", learning_rate, "must not be negative");
  require_value(rule.beta1 >= 0 && rule.beta1 < 1, where, "beta1", rule.beta1, "must lie in [0, 1)");
  require_value(rule.beta2 >= 0 && rule.beta2 < 1, where, "beta2", rule.beta2, "must lie in [0, 1)");
  require_value(rule.weight_decay >= 0, where, "weight_decay", rule.weight_decay, "must not be negative");
  require_shape(where, "momentum", momentum, {list.length()}, "one number for each of list.length()");
  require_rates(where, rates, list);
  krate::impl::LionUpdate<Space, T>::run(space, rule, learning_rate, list, as_value<Space>(gradient_scale),
                                         as_vector<Space>(momentum), gradients, rates);
}

}  // namespace krate::optim
