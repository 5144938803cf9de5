// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>
#include <vector>

#include "krate/models/block.hpp"
#include "krate/models/feed_forward.hpp"

namespace krate::models {

struct ClassAttentionConfig {
  std::size_t dim = 0, heads = 1, hidden = 0;
  double norm_eps = 1e-6, scale = 1;  ///< scale: of both branches at the start
};

/// What one layer's forward pass leaves for its backward pass, besides its input and output tokens.
template <class Space, class T>
struct ClassAttentionSaved {
  Vector<T, Space> mean_attention, deviation_attention, mean_mlp, deviation_mlp;  ///< [batch * tokens]
  Tensor3<T, Space> normed, qkv, probabilities;  ///< of the input; [batch, tokens, 3 dim]; [batch, heads, tokens]
  Matrix<T, Space> attended;                     ///< [batch, dim]
  Tensor3<T, Space> branch, residual, z;         ///< [batch, tokens, dim]: a, x + scale a, and that normed
  Matrix<T, Space> hidden, fed;                  ///< [batch, hidden], [batch, dim]
};

template <class Space, class T>
struct ClassAttentionState {
  std::vector<Tensor3<T, Space>> tokens;  ///< [depth + 1] of [batch, 1 + patches, dim]: the class token comes first
  std::vector<ClassAttentionSaved<Space, T>> saved;
  Vector<Label, Space> zeros;  ///< [batch]: the class token's row in its table
  Tensor3<T, Space> gradient;  ///< of the tokens at which the backward pass is
};

/// A class token and the layers in which it alone attends to all tokens:
///     u = norm(x);  a = (map(attention(u)) for the class token, u for the others);  z = norm(x + scale a)
///     out = z + scale MLP(z) for the class token, 2 z for the others
/// Source: Touvron et al. 2021 (CaiT), as El-Nouby et al. 2021 (XCiT) and ToST's code have it.
template <class Space, class T>
class ClassAttentionStack {
 public:
  using State = ClassAttentionState<Space, T>;

  ClassAttentionStack() = default;
  ClassAttentionStack(ParameterTable& table, ClassAttentionConfig const& config, std::size_t depth);

  std::size_t class_token() const { return class_token_; }
  void initialize_scales(Space const& space, ParameterList<Space, T> const& parameters) const;

  void cut(Workspace<Space>& work, std::size_t batch, std::size_t patches, Pass pass, State& state) const;
  std::size_t backward_workspace(std::size_t batch, std::size_t patches) const;
  std::size_t workspace(std::size_t batch) const { return layers_.front().mlp.workspace(batch); }
  /// From the patches' tokens to state.tokens.back(). @param patches  [batch, patches, dim]
  /// @note allocates: no; fences: no; bitwise repeatable: yes
  void forward(Space const& space, ParameterList<Space, T> const& parameters, Tensor3<T, Space> const& patches,
               State& state, Workspace<Space> work) const;
  /// From the gradient of the output in state.gradient to that of the patches' tokens.
  /// @param dpatches  [batch, patches, dim], written
  /// @note allocates: no; fences: no; bitwise repeatable: yes
  void backward(Space const& space, ParameterList<Space, T> const& parameters, State& state, Workspace<Space> work,
                Tensor3<T, Space> const& dpatches) const;

 private:
  struct Layer {
    std::size_t scale_attention, norm_attention_weight, norm_attention_bias, qkv_weight, qkv_bias, output_weight,
        output_bias, scale_mlp, norm_mlp_weight, norm_mlp_bias;
    FeedForward<Space, T> mlp;
  };
  void forward(Space const& space, ParameterList<Space, T> const& parameters, State const& state, std::size_t layer,
               Workspace<Space> work) const;
  void backward(Space const& space, ParameterList<Space, T> const& parameters, State const& state, std::size_t layer,
                Workspace<Space> work) const;

  ClassAttentionConfig config_;
  std::size_t class_token_ = 0;
  std::vector<Layer> layers_;
};

/// The class token's rows of tokens [batch, 1 + patches, dim], and all others, each sample's in one row; zero copy.
template <class Space, class T>
Matrix<T, Space> class_rows(Tensor3<T, Space> const& tokens) {
  std::size_t const batch = tokens.extent(0), pitch = tokens.extent(1) * tokens.extent(2);
  Matrix<T, Space> const all(tokens.data(), batch, pitch);
  return Matrix<T, Space>(
      Kokkos::subview(all, Kokkos::ALL, Kokkos::pair<std::size_t, std::size_t>(0, tokens.extent(2))));
}
template <class Space, class T>
Matrix<T, Space> patch_rows(Tensor3<T, Space> const& tokens) {
  std::size_t const batch = tokens.extent(0), pitch = tokens.extent(1) * tokens.extent(2);
  Matrix<T, Space> const all(tokens.data(), batch, pitch);
  return Matrix<T, Space>(
      Kokkos::subview(all, Kokkos::ALL, Kokkos::pair<std::size_t, std::size_t>(tokens.extent(2), pitch)));
}

}  // namespace krate::models
