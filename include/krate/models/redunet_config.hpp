// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>

#include "krate/core/configuration.hpp"

namespace krate::models {

/// A ReduNet on vectors. Field names are those of model files.
struct RedunetConfig {
  std::size_t dim = 0, layers = 20, classes = 0;
  double eta = 0.5;          ///< step size
  double eps_squared = 0.1;  ///< squared distortion of the rates
  double lambda_s = 500;     ///< sharpness of the soft assignment to classes

  /// @throws ValueError naming the field that cannot work and why
  void validate() const;

  /// As a model file has it: `model` = "redunet", then one value a field, `num_classes` for classes.
  Configuration configuration() const;
  /// The other way round. @throws ValueError for what is missing, of another type, or cannot work
  static RedunetConfig from(Configuration const& stored);
  bool operator==(RedunetConfig const&) const = default;
};

}  // namespace krate::models
