// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/require.hpp"
#include "krate/nn/impl/layer_norm_decl.hpp"

namespace krate {

struct LayerNormOptions {
  double norm_eps = 1e-5;  ///< added to the variance
};

/// What a backward pass does with the gradient of its input.
enum class InputGradient {
  write,  ///< dx = ...
  add     ///< dx += ..., for the input of a residual branch
};

/// Layer normalization of each row:
///     y = weight * (x - mean) * reciprocal_deviation + bias,   reciprocal_deviation = (variance + norm_eps)^(-1/2)
/// with the biased variance, which is taken from the deviations: a large offset of the row is harmless.
/// Source: Ba, Kiros, Hinton, "Layer normalization", 2016, eq. 3; in CRATE it stands before each operator (Yu et al.
/// 2023, "White-Box Transformers via Sparse Rate Reduction", algorithm 2).
/// @param x  [rows, dim] input     @param weight,bias  [dim]
/// @param y  [rows, dim] output; must not overlap x
/// @param mean,reciprocal_deviation  [rows] outputs that the backward pass needs
/// @throws ShapeError if extents disagree; ValueError unless norm_eps > 0
/// @note allocates: no; fences: no; bitwise repeatable: yes, for any number of threads; gradient: layer_norm_backward
template <class Space, class X, class Weight, class Bias, class Y, class Mean, class Deviation>
void layer_norm(Space const& space, X const& x, Weight const& weight, Bias const& bias, LayerNormOptions const& options,
                Y const& y, Mean const& mean, Deviation const& reciprocal_deviation) {
  using T = typename Y::value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::layer_norm";
  std::size_t const rows = x.extent(0), dim = x.extent(1);
  require_shape(where, "weight", weight, {dim}, "dim is x.extent(1)");
  require_shape(where, "bias", bias, {dim}, "dim is x.extent(1)");
  require_shape(where, "y", y, {rows, dim}, "same shape as x");
  require_shape(where, "mean", mean, {rows}, "one number a row of x");
  require_shape(where, "reciprocal_deviation", reciprocal_deviation, {rows}, "one number a row of x");
  require_value(options.norm_eps > 0, where, "norm_eps", options.norm_eps, "must be positive; CRATE uses 1e-5");
  impl::LayerNorm<Space, T>::forward(space, as_matrix<Space>(x), as_vector<Space>(weight), as_vector<Space>(bias),
                                     options, as_matrix<Space>(y), as_vector<Space>(mean),
                                     as_vector<Space>(reciprocal_deviation));
}

/// Bytes that layer_norm_backward takes from its workspace.
template <class Scalar>
std::size_t layer_norm_backward_workspace(std::size_t dim) {
  using Space = Kokkos::DefaultHostExecutionSpace;
  return measure<Space>([&](Workspace<Space>& work) { impl::layer_norm_scratch<Space, Scalar>(work, dim); });
}

/// Gradients of layer_norm. With n = (x - mean) * reciprocal_deviation and h = dy * weight:
///     dx (+)= reciprocal_deviation * (h - mean(h) - n mean(h n)),   dweight += sum_rows dy n,   dbias += sum_rows dy
/// @param x,weight  as in the forward pass     @param mean,reciprocal_deviation  what it wrote
/// @param dy  [rows, dim] gradient of y
/// @param input_gradient  whether dx is written or added to
/// @param work  at least layer_norm_backward_workspace<Scalar>(dim) bytes
/// @param dx  [rows, dim]; may be the View dy or x: each element is read before it is written; extents 0: not wanted
/// @param dweight,dbias  [dim], added to
/// @throws ShapeError if extents disagree; ValueError if the workspace is too small
/// @note allocates: no; fences: no; bitwise repeatable: yes, for any number of threads
template <class Space, class X, class Weight, class Mean, class Deviation, class Dy, class Dx, class Dweight,
          class Dbias>
void layer_norm_backward(Space const& space, X const& x, Weight const& weight, Mean const& mean,
                         Deviation const& reciprocal_deviation, Dy const& dy, InputGradient input_gradient,
                         Workspace<Space> work, Dx const& dx, Dweight const& dweight, Dbias const& dbias) {
  using T = typename Dx::value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::layer_norm_backward";
  std::size_t const rows = x.extent(0), dim = x.extent(1);
  require_shape(where, "weight", weight, {dim}, "dim is x.extent(1)");
  require_shape(where, "mean", mean, {rows}, "one number a row of x");
  require_shape(where, "reciprocal_deviation", reciprocal_deviation, {rows}, "one number a row of x");
  require_shape(where, "dy", dy, {rows, dim}, "same shape as x");
  if (dx.size() > 0) require_shape(where, "dx", dx, {rows, dim}, "same shape as x");
  require_shape(where, "dweight", dweight, {dim}, "dim is x.extent(1)");
  require_shape(where, "dbias", dbias, {dim}, "dim is x.extent(1)");
  impl::LayerNorm<Space, T>::backward(space, as_matrix<Space>(x), as_vector<Space>(weight), as_vector<Space>(mean),
                                      as_vector<Space>(reciprocal_deviation), as_matrix<Space>(dy), input_gradient,
                                      work, as_matrix<Space>(dx), as_vector<Space>(dweight), as_vector<Space>(dbias));
}

}  // namespace krate
