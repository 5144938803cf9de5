// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

#include "krate/core/parameters.hpp"
#include "krate/core/workspace.hpp"
#include "krate/linalg/impl/products_decl.hpp"
#include "krate/models/parameter_table.hpp"

namespace krate::models {

struct FeedForwardConfig {
  std::size_t dim = 0, hidden = 0;
  bool bias = true;
  /// Of the weights at the start, which are normal, and biases 0; 0: both uniform in +-fan_in^-1/2.
  double deviation = 0.02, output_deviation = 0.02;
  Products products = Products::full;
};

/// The two-layer perceptron of a transformer: linear, GELU, linear.
template <class Space, class T>
class FeedForward {
 public:
  FeedForward() = default;
  /// @param first,second  the authors' names of the maps, without .weight and .bias
  FeedForward(ParameterTable& table, std::string const& name, std::string const& first, std::string const& second,
              FeedForwardConfig const& config);

  /// Bytes that forward() and backward() take.
  std::size_t workspace(std::size_t rows) const;
  std::size_t backward_workspace(std::size_t rows) const;

  /// @param x         [rows, dim]
  /// @param hidden    [rows, hidden], written for the backward pass: before the GELU
  /// @param y         [rows, dim]; x, hidden and y must not overlap
  /// @param residual  [rows, dim], added to y; extents of 0: none
  /// @note allocates: no; fences: no; bitwise repeatable: yes
  void forward(Space const& space, ParameterList<Space, T> const& parameters, ConstMatrix<T, Space> const& x,
               Workspace<Space> work, Matrix<T, Space> const& hidden, Matrix<T, Space> const& y,
               ConstMatrix<T, Space> const& residual = {}) const;
  /// Writes `hidden` alone, to the same bits.
  void forward_hidden(Space const& space, ParameterList<Space, T> const& parameters, ConstMatrix<T, Space> const& x,
                      Workspace<Space> work, Matrix<T, Space> const& hidden) const;
  /// Adds to the gradients of the parameters.
  /// @param dx  [rows, dim], written; must not overlap the inputs
  void backward(Space const& space, ParameterList<Space, T> const& parameters, ConstMatrix<T, Space> const& x,
                ConstMatrix<T, Space> const& hidden, ConstMatrix<T, Space> const& dy, Workspace<Space> work,
                Matrix<T, Space> const& dx) const;

 private:
  struct Map {
    std::size_t weight, bias;
  };
  Vector<T, Space> bias(ParameterList<Space, T> const& list, Map const& map, bool gradient) const;

  FeedForwardConfig config_;
  Map first_{}, second_{};
};

}  // namespace krate::models
