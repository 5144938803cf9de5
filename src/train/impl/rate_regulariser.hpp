// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sparse rate reduction as a regulariser: of the tokens that leave each block, against the block's own subspaces.
#pragma once

#include "krate/analysis/layer_rates.hpp"
#include "krate/linalg/add_scaled.hpp"
#include "krate/linalg/row_reduce.hpp"
#include "krate/rate/sparse_rate_reduction.hpp"
#include "krate/train/train_step.hpp"
#include "train/impl/read_host.hpp"

namespace krate::train {

/// Models with blocks that have subspaces of their own, whose tokens stay until the backward pass.
template <class Model>
concept HasSubspaces = requires(Model const& model, typename Model::State const& state) {
  model.blocks().block(0).projection;
  state.stack.tokens;
};

/// -weight times the mean over blocks and samples of R - R^c - lambda |Z|_1, with the model's lambda, and its
/// gradients. Tokens are at unit length, as krate analyze objective looks at them.
template <class Model>
class RateRegulariser {
 public:
  using Space = typename Model::ExecutionSpace;
  using T = typename Model::Scalar;

  /// Takes all of its memory from `work`. @param tokens  of a sample
  RateRegulariser(Workspace<Space>& work, Model const& model, std::size_t batch, std::size_t tokens, double weight)
      : model_(model),
        weight_(weight),
        options_{
            .eps_squared = 0.01, .heads = model.blocks().config().heads, .lambda = model.blocks().config().lambda} {
    auto const& c = model.blocks().config();
    unit_ = work.template take<T>(batch, tokens, c.dim);
    gradient_ = work.template take<T>(batch, tokens, c.dim);
    du_ = work.template take<T>(c.inner(), c.dim);
    for (auto* part : {&parts_.rate, &parts_.subspace_rate, &parts_.nonzeros, &parts_.absolute, &parts_.value})
      *part = work.template take<double>(batch);
    sums_ = work.template take<double>(terms);
    std::size_t const bytes = std::max(sparse_rate_reduction_workspace<T>(batch, tokens, c.dim, c.heads, c.head_dim),
                                       column_sums_workspace<Space, double>(1));
    scratch_ = Workspace<Space>(work.template take<unsigned char>(bytes).data(), bytes);
  }

  void begin(Space const& space) const { fill(space, sums_, 0.0); }

  /// Adds to the gradient of a block's output, and to that of its projection.
  /// @param global  samples of the step, over all ranks
  void add_gradient(Space const& space, typename Model::State const& state, std::size_t block,
                    Tensor3<T, Space> const& dtokens, std::size_t global) const {
    auto const projection = model_.blocks().block(block).projection;
    auto const& list = model_.parameters();
    auto const& tokens = state.stack.tokens[block + 1];
    analysis::unit_tokens(space, tokens, unit_);
    fill(space, du_, T(0));
    sparse_rate_reduction_gradient(space, unit_, list.value_matrix(projection), options_, scratch_, parts_, gradient_,
                                   du_);
    analysis::unit_tokens_backward(space, tokens, unit_, gradient_, gradient_);
    auto const factor = static_cast<T>(-part_of(global));
    add_scaled(space, factor, gradient_, dtokens);
    add_scaled(space, factor, du_, list.gradient(projection));
    std::size_t const samples = dtokens.extent(0);
    Vector<double, Space> const measured[terms] = {parts_.rate, parts_.subspace_rate, parts_.absolute};
    for (std::size_t i = 0; i < terms; ++i)
      column_sums(space, Matrix<double, Space>(measured[i].data(), samples, 1), scratch_,
                  Vector<double, Space>(sums_.data() + i, 1));
  }

  /// This rank's part of what is added to the loss, once all blocks have been seen. @note fences: yes
  double value(Space const& space, std::size_t global) const {
    auto const sum = [&](std::size_t i) { return read_host(space, Value<double, Space>(sums_.data() + i)); };
    return -part_of(global) * (sum(0) - sum(1) - options_.lambda * sum(2));
  }

 private:
  static constexpr std::size_t terms = 3;
  double part_of(std::size_t global) const {
    return weight_ / (static_cast<double>(model_.blocks().depth()) * static_cast<double>(global));
  }

  Model const& model_;
  double weight_;
  SparseRateOptions options_;
  Tensor3<T, Space> unit_, gradient_;
  Matrix<T, Space> du_;
  SparseRateParts<Vector<double, Space>> parts_;
  Vector<double, Space> sums_;  ///< over blocks and samples: R, R^c, |Z|_1
  Workspace<Space> scratch_;
};

}  // namespace krate::train
