// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

#include "krate/core/parameters.hpp"
#include "krate/core/types.hpp"
#include "krate/core/workspace.hpp"
#include "krate/models/parameter_table.hpp"
#include "krate/models/pass.hpp"
#include "krate/nn/pool.hpp"

namespace krate::models {

struct HeadConfig {
  std::size_t dim = 0, classes = 0;
  Pool pool = Pool::cls;
  double norm_eps = 1e-5;
  /// The authors' names of the norm, and of weight and bias of the linear map; no bias without a name.
  std::string norm = "mlp_head.0", weight = "mlp_head.1.weight", bias = "mlp_head.1.bias";
};

/// What a head's forward pass computes.
template <class Space, class T>
struct HeadState {
  Matrix<T, Space> pooled, head_input;  ///< [batch, dim]: before and after the head's norm
  Vector<T, Space> mean_head, deviation_head;
  Matrix<T, Space> logits;  ///< [batch, classes]
};

/// The classifier of a CRATE's tokens: class token or mean; norm, linear.
template <class Space, class T>
class ClassifierHead {
 public:
  using State = HeadState<Space, T>;

  ClassifierHead() = default;
  ClassifierHead(ParameterTable& table, HeadConfig const& config);

  /// Its first parameter.
  std::size_t first() const { return norm_weight_; }
  std::size_t linear_weight() const { return linear_weight_; }
  std::size_t linear_bias() const { return linear_bias_; }
  bool has_bias() const { return !config_.bias.empty(); }
  /// Behind its last parameter.
  std::size_t last() const { return has_bias() ? linear_bias_ + 1 : linear_weight_ + 1; }

  void cut(Workspace<Space>& work, std::size_t batch, Pass pass, State& state) const;
  /// Bytes that forward() takes.
  std::size_t workspace(std::size_t) const { return 0; }
  /// Bytes that the backward passes take: the gradient of what was pooled, and sums.
  std::size_t backward_workspace(std::size_t batch) const;

  /// @param tokens  [batch, tokens, dim]     @note allocates: no; fences: no; bitwise repeatable: yes
  void forward(Space const& space, ParameterList<Space, T> const& parameters, ConstTensor3<T, Space> const& tokens,
               State const& state, Workspace<Space> work) const;
  /// From the gradient of the logits to that of state.head_input.
  void backward_linear(Space const& space, ParameterList<Space, T> const& parameters, State const& state,
                       ConstMatrix<T, Space> const& dlogits, Workspace<Space> work,
                       Matrix<T, Space> const& dfeatures) const;
  /// And on to that of the tokens, written.
  void backward(Space const& space, ParameterList<Space, T> const& parameters, State const& state,
                ConstMatrix<T, Space> const& dfeatures, Workspace<Space> work, Tensor3<T, Space> const& dtokens) const;

 private:
  HeadConfig config_;
  std::size_t norm_weight_ = 0, norm_bias_ = 0, linear_weight_ = 0, linear_bias_ = 0;
};

}  // namespace krate::models
