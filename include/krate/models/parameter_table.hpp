// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "krate/core/parameters.hpp"
#include "krate/core/random.hpp"

namespace krate::models {

/// How a parameter starts.
struct Initial {
  enum Kind { zero, one, normal, uniform } kind = zero;
  double width = 0;  ///< standard deviation of `normal`, bound of `uniform`

  /// The default of linear layers in the authors' code: U(-b, b) with b = fan_in^-1/2.
  static Initial linear(std::size_t fan_in);
  /// Kaiming-uniform, fan-in, gain sqrt 2: b = (6 / fan_in)^1/2.
  static Initial kaiming(std::size_t fan_in);
};

/// The parameters of a model family while its layers are being listed: our path, the authors' name, shape and start.
class ParameterTable {
 public:
  /// @returns the position in the list
  std::size_t add(std::string name, std::string official, std::vector<std::size_t> shape, Initial initial,
                  Split split = Split::replicated);

  std::vector<ParameterSpec> const& specs() const { return specs_; }
  std::vector<Initial> const& initials() const { return initials_; }
  /// The authors' names, in the order of the list.
  std::vector<std::string> const& official() const { return official_; }

 private:
  std::vector<ParameterSpec> specs_;
  std::vector<Initial> initials_;
  std::vector<std::string> official_;
};

/// Gives each parameter its start; the numbers depend on the seed and the position in the list, not on Space or
/// threads. @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class T>
void initialize(Space const& space, ParameterTable const& table, Seed seed, ParameterList<Space, T> const& list);

}  // namespace krate::models
