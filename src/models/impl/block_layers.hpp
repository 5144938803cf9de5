// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/attention/newest_token.hpp"
#include "krate/linalg/elementwise.hpp"
#include "krate/linalg/products.hpp"
#include "krate/models/block.hpp"
#include "krate/nn/layer_norm.hpp"

namespace krate::models {

/// One block with its parameters at hand.
template <class Space, class T>
struct BlockLayers {
  ParameterList<Space, T> const& list;
  BlockParameters const& at;
  BlockConfig const& config;
  FeedForward<Space, T> const* mlp;  ///< null where tokens are coded sparsely
  Matrix<T, Space> fold;             ///< of the dictionary, or empty
  ConstMatrix<bool, Space> keys;     ///< see StackState

  AttentionMask<Space> mask() const { return {config.mask, keys}; }
  MssaOptions mssa() const { return config.mssa(); }
  IstaOptions ista() const { return {config.eta, config.lambda}; }
  LayerNormOptions norm() const { return {config.norm_eps}; }
  Matrix<T, Space> output(bool gradient) const {
    if (!config.has_output_map()) return Matrix<T, Space>(nullptr, 0, 0);
    return gradient ? list.gradient_matrix(at.output_weight) : list.value_matrix(at.output_weight);
  }
  Vector<T, Space> output_bias(bool gradient) const {
    if (!config.has_output_map() || !config.output_bias) return Vector<T, Space>(nullptr, 0);
    return gradient ? list.gradient(at.output_bias) : list.value(at.output_bias);
  }

  MhsaParameters<Space, T> mhsa(bool gradient) const {
    Vector<T, Space> bias;
    if (config.projection_bias) bias = gradient ? list.gradient(at.projection_bias) : list.value(at.projection_bias);
    return {gradient ? list.gradient_matrix(at.projection) : list.value_matrix(at.projection), bias, output(gradient),
            output_bias(gradient)};
  }

  void norm_mssa(Space const& space, Tensor3<T, Space> const& z, BlockSaved<Space, T> const& s,
                 Tensor3<T, Space> const& out) const {
    layer_norm(space, as_rows(z), list.value(at.norm_mssa_weight), list.value(at.norm_mssa_bias), norm(), as_rows(out),
               s.mean_mssa, s.deviation_mssa);
  }
  void norm_ista(Space const& space, BlockSaved<Space, T> const& s, Tensor3<T, Space> const& out) const {
    layer_norm(space, as_rows(s.residual), list.value(at.norm_ista_weight), list.value(at.norm_ista_bias), norm(),
               as_rows(out), s.mean_ista, s.deviation_ista);
  }

  void make_fold(Space const& space) const {
    if (fold.size() > 0) fold_dictionary(space, list.value_matrix(at.dictionary), ista(), fold, config.products);
  }
  void backward_ista(Space const& space, Tensor3<T, Space> const& normed, Tensor3<T, Space> const& out,
                     Tensor3<T, Space> const& dout, Workspace<Space> work, Tensor3<T, Space> const& dnormed) const {
    auto const dict = list.value_matrix(at.dictionary), ddict = list.gradient_matrix(at.dictionary);
    if (fold.size() > 0) {
      folded_ista_backward(space, as_rows(normed), dict, fold, as_rows(out), as_rows(dout), ista(), work,
                           as_rows(dnormed), ddict, config.products);
    } else {
      ista_backward(space, as_rows(normed), dict, as_rows(out), as_rows(dout), ista(), work, as_rows(dnormed), ddict);
    }
  }

  /// Dictionary or decoder as [dim, codes].
  Strided<T, Space> atoms(Matrix<T, Space> const& stored) const {
    auto const strided = as_strided<Space>(stored);
    return config.coding.transposed ? transposed(strided) : strided;
  }
  void code_overcomplete(Space const& space, Tensor3<T, Space> const& normed, BlockSaved<Space, T> const& s,
                         Workspace<Space> work) const {
    overcomplete_ista(space, as_rows(normed), atoms(list.value_matrix(at.dictionary)), ista(), s.coder, config.products,
                      work);
  }
  /// The same, and back to tokens.
  void code_and_decode(Space const& space, Tensor3<T, Space> const& normed, BlockSaved<Space, T> const& s,
                       Workspace<Space> work, Tensor3<T, Space> const& out) const {
    code_overcomplete(space, normed, s, work);
    ConstMatrix<T, Space> const addend = config.coding.residual ? as_rows(s.residual) : Matrix<T, Space>();
    decode(space, s.coder.code, atoms(list.value_matrix(at.decoder)), addend, as_rows(out), config.products, work);
  }
  void backward_overcomplete(Space const& space, Tensor3<T, Space> const& normed, BlockSaved<Space, T> const& s,
                             Tensor3<T, Space> const& dout, Workspace<Space> work,
                             Tensor3<T, Space> const& dnormed) const {
    overcomplete_ista_backward(space, as_rows(normed), atoms(list.value_matrix(at.dictionary)),
                               atoms(list.value_matrix(at.decoder)), s.coder, as_rows(dout), ista(), config.products,
                               work, as_rows(dnormed), atoms(list.gradient_matrix(at.dictionary)),
                               atoms(list.gradient_matrix(at.decoder)));
  }
  /// Of the block that left `s` and `out`.
  ConstTensor3<T, Space> code_of(BlockSaved<Space, T> const& s, Tensor3<T, Space> const& out) const {
    if (!config.coding.overcomplete()) return out;
    return ConstTensor3<T, Space>(s.coder.code.data(), out.extent(0), out.extent(1), config.codes());
  }

  /// s.residual = z + MSSA(norm(z)), or MHSA
  void attend(Space const& space, Tensor3<T, Space> const& z, BlockSaved<Space, T> const& s, Workspace<Space> work,
              Tensor3<T, Space> const& normed) const {
    norm_mssa(space, z, s, normed);
    if (config.has_mhsa())
      return krate::mhsa(space, normed, mhsa(false), config.mhsa(), work, s.mhsa, s.residual, mask(), z);
    krate::mssa(space, normed, list.value_matrix(at.projection), output(false), output_bias(false), mssa(), work,
                s.mssa, s.residual, mask(), z);
  }

  /// The same for the newest token of each sample; [batch, 1, dim] all of them.
  void attend_newest(Space const& space, Tensor3<T, Space> const& z, BlockSaved<Space, T> const& s,
                     Tensor3<T, Space> const& cache, std::size_t position, Workspace<Space> work,
                     Tensor3<T, Space> const& normed) const {
    norm_mssa(space, z, s, normed);
    Matrix<T, Space> const newest(&cache(position, 0, 0), cache.extent(1), cache.extent(2));
    auto const attended = config.has_mhsa() ? s.mhsa.attended : s.mssa.attended;
    if (config.has_mhsa()) {
      auto const queries = work.template take<T>(cache.extent(1), config.inner());
      project(space, normed, 0, work, queries);
      project(space, normed, config.inner(), work, newest);
      attend_newest_token(space, queries, cache, position, config.heads, work, as_rows(attended));
    } else {
      multiply(space, config.products, "N", "T", as_rows(normed), list.value_matrix(at.projection), {}, newest, work);
      attend_newest_token(space, cache, position, config.heads, work, as_rows(attended));
    }
    if (config.has_output_map()) {
      return multiply(space, config.products, "N", "T", as_rows(attended), output(false),
                      {.bias = output_bias(false), .addend = as_rows(z)}, as_rows(s.residual), work);
    }
    copy(space, attended, s.residual);
    add(space, z, s.residual);
  }
  /// The outputs from `first` on of MHSA's projection, as many as `out` has columns.
  void project(Space const& space, Tensor3<T, Space> const& normed, std::size_t first, Workspace<Space> work,
               Matrix<T, Space> const& out) const {
    auto const all = mhsa(false);
    std::size_t const count = out.extent(1);
    Matrix<T, Space> const weight(all.projection.data() + first * config.dim, count, config.dim);
    Vector<T, Space> bias;
    if (all.bias.size() > 0) bias = Vector<T, Space>(all.bias.data() + first, count);
    multiply(space, config.products, "N", "T", as_rows(normed), weight, {.bias = bias}, out, work);
  }

  /// out = ISTA(norm(s.residual)), or what SparseCoding says, or s.residual + MLP(norm(s.residual))
  void code(Space const& space, BlockSaved<Space, T> const& s, Workspace<Space> work, Tensor3<T, Space> const& normed,
            Tensor3<T, Space> const& out) const {
    norm_ista(space, s, normed);
    if (mlp) return mlp->forward(space, list, as_rows(normed), work, s.hidden, as_rows(out), as_rows(s.residual));
    if (config.coding.overcomplete()) return code_and_decode(space, normed, s, work, out);
    if (fold.size() > 0) return folded_ista(space, as_rows(normed), fold, ista(), as_rows(out), config.products, work);
    krate::ista(space, as_rows(normed), list.value_matrix(at.dictionary), ista(), work, as_rows(out));
  }

  void forward(Space const& space, Tensor3<T, Space> const& z, BlockSaved<Space, T> const& s, Workspace<Space> work,
               Tensor3<T, Space> const& out) const {
    auto const normed = work.template take<T>(z.extent(0), z.extent(1), config.dim);
    attend(space, z, s, work, normed);
    code(space, s, work, normed, out);
  }

  void backward(Space const& space, Tensor3<T, Space> const& z, BlockSaved<Space, T> const& s,
                Tensor3<T, Space> const& out, Tensor3<T, Space> const& dout, bool recompute, Workspace<Space> work,
                Tensor3<T, Space> const& dz) const {
    auto const normed = work.template take<T>(z.extent(0), z.extent(1), config.dim);
    if (recompute) attend(space, z, s, work, normed);
    auto const dnormed = work.template take<T>(z.extent(0), z.extent(1), config.dim);
    norm_ista(space, s, normed);
    bool const overcomplete = config.coding.overcomplete(), residual = mlp || (overcomplete && config.coding.residual);
    if (recompute && overcomplete) code_overcomplete(space, normed, s, work);
    if (recompute && mlp) mlp->forward_hidden(space, list, as_rows(normed), work, s.hidden);
    if (mlp) {
      mlp->backward(space, list, as_rows(normed), s.hidden, as_rows(dout), work, as_rows(dnormed));
    } else if (overcomplete) {
      backward_overcomplete(space, normed, s, dout, work, dnormed);
    } else {
      backward_ista(space, normed, out, dout, work, dnormed);
    }
    if (residual) copy(space, dout, dz);
    layer_norm_backward(space, as_rows(s.residual), list.value(at.norm_ista_weight), s.mean_ista, s.deviation_ista,
                        as_rows(dnormed), residual ? InputGradient::add : InputGradient::write, work, as_rows(dz),
                        list.gradient(at.norm_ista_weight), list.gradient(at.norm_ista_bias));
    norm_mssa(space, z, s, normed);
    if (config.has_mhsa()) {
      mhsa_backward(space, normed, mhsa(false), config.mhsa(), s.mhsa, dz, work, dnormed, mhsa(true), mask());
    } else {
      mssa_backward(space, normed, list.value_matrix(at.projection), output(false), mssa(), s.mssa, dz, work, dnormed,
                    list.gradient_matrix(at.projection), output(true), output_bias(true), mask());
    }
    layer_norm_backward(space, as_rows(z), list.value(at.norm_mssa_weight), s.mean_mssa, s.deviation_mssa,
                        as_rows(dnormed), InputGradient::add, work, as_rows(dz), list.gradient(at.norm_mssa_weight),
                        list.gradient(at.norm_mssa_bias));
  }
};

}  // namespace krate::models
