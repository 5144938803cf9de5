// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "krate/optim/adamw.hpp"
#include "krate/optim/lion.hpp"

namespace krate::optim {

/// Any of the update rules, with its numbers.
using Rule = std::variant<AdamW, Lion>;

/// The rule of that name with its default numbers. @throws ValueError, with the list of names, if there is none
Rule parse_rule(std::string_view name);

/// The name that parse_rule takes; also where checkpoints keep the state.
char const* name(Rule const& rule);
/// Names of the flat states that the rule keeps.
std::span<char const* const> state_names(Rule const& rule);

/// What an update rule remembers from step to step: a few Views as long as the list, zero at first. Copies share them.
/// @note allocates: in the constructor; fences: no
template <class Space, class T>
class OptimizerState {
 public:
  OptimizerState() = default;
  /// @note allocates: the states; fences: no
  OptimizerState(Space const& space, Rule const& rule, ParameterList<Space, T> const& list)
      : names_(state_names(rule)), length_(list.length()) {
    for (std::size_t i = 0; i < names_.size(); ++i) {
      buffers_[i] = Buffer(Kokkos::view_alloc(space, std::string("krate::optim::") + names_[i]), length_);
    }
  }

  std::span<char const* const> names() const { return names_; }
  std::size_t length() const { return length_; }
  /// The state names()[i], in the order of the list's offsets.
  Vector<T, Space> view(std::size_t i) const { return Vector<T, Space>(buffers_[i].data(), length_); }

 private:
  using Buffer = Kokkos::View<T*, Kokkos::LayoutRight, DeviceOf<Space>>;
  std::span<char const* const> names_;
  std::size_t length_ = 0;
  std::array<Buffer, 2> buffers_;
};

/// One step of any rule: see adamw_update and lion_update.
/// @param learning_rate  that of this step     @param step  1 for the first
/// @param gradient_scale  rank-0 View of T     @param state  made for this rule and this list, updated
/// @param gradients  what is left of them
/// @param rates  a factor of the learning rate for each of list.entries(), such as those of layer_rates; empty: 1
/// @throws ValueError if the state was made for another rule; ShapeError if it was made for another list
/// @note allocates: no; fences: no; bitwise repeatable: yes, for any number of threads
template <class Space, class T, class Scale>
void update(Space const& space, Rule const& rule, double learning_rate, std::int64_t step,
            ParameterList<Space, T> const& list, Scale const& gradient_scale, OptimizerState<Space, T> const& state,
            Gradients gradients = Gradients::keep, std::span<double const> rates = {}) {
  require_value(state.names().data() == state_names(rule).data(), "krate::optim::update", "rule", name(rule),
                "is not the rule that the state was made for; make an OptimizerState for it");
  std::visit(
      [&](auto const& r) {
        if constexpr (std::is_same_v<decltype(r), AdamW const&>) {
          adamw_update(space, r, learning_rate, step, list, gradient_scale, state.view(0), state.view(1), gradients,
                       rates);
        } else {
          lion_update(space, r, learning_rate, list, gradient_scale, state.view(0), gradients, rates);
        }
      },
      rule);
}

}  // namespace krate::optim
