// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/class_attention_stack.hpp"
#include "krate/models/head.hpp"

namespace krate::models {

template <class Space, class T>
struct ClassAttentionHeadState : HeadState<Space, T> {
  ClassAttentionState<Space, T> class_attention;
};

/// The classifier of tokens without a class token: one that attends to them all, and a ClassifierHead of it.
template <class Space, class T>
class ClassAttentionHead {
 public:
  using State = ClassAttentionHeadState<Space, T>;

  ClassAttentionHead() = default;
  ClassAttentionHead(ParameterTable& table, ClassAttentionConfig const& config, std::size_t depth, std::size_t patches,
                     HeadConfig const& head)
      : patches_(patches), dim_(config.dim), stack_(table, config, depth), head_(table, head) {}

  ClassAttentionStack<Space, T> const& stack() const { return stack_; }
  ClassifierHead<Space, T> const& head() const { return head_; }
  /// Its entries are [first(), last()).
  std::size_t first() const { return stack_.class_token(); }
  std::size_t last() const { return head_.last(); }

  void cut(Workspace<Space>& work, std::size_t batch, Pass pass, State& state) const;
  /// As ClassifierHead's members of these names.
  std::size_t workspace(std::size_t batch) const { return stack_.workspace(batch); }
  std::size_t backward_workspace(std::size_t batch) const;
  void forward(Space const& space, ParameterList<Space, T> const& parameters, Tensor3<T, Space> const& tokens,
               State& state, Workspace<Space> work) const;
  void backward_linear(Space const& space, ParameterList<Space, T> const& parameters, State const& state,
                       ConstMatrix<T, Space> const& dlogits, Workspace<Space> work,
                       Matrix<T, Space> const& dfeatures) const {
    head_.backward_linear(space, parameters, state, dlogits, work, dfeatures);
  }
  void backward(Space const& space, ParameterList<Space, T> const& parameters, State& state,
                ConstMatrix<T, Space> const& dfeatures, Workspace<Space> work, Tensor3<T, Space> const& dtokens) const;

 private:
  std::size_t patches_ = 0, dim_ = 0;
  ClassAttentionStack<Space, T> stack_;
  ClassifierHead<Space, T> head_;
};

}  // namespace krate::models
