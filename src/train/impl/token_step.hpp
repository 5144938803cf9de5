// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What an optimizer step does with a batch of token rows.
#pragma once

#include <array>

#include "krate/nn/cross_entropy.hpp"
#include "train/impl/image_step.hpp"

namespace krate::train {

namespace {
constexpr std::uint32_t token_stream = 0x544f4b45;  // "TOKE": apart from all streams of parameters
}

template <class Model>
class TokenStep {
 public:
  using Space = typename Model::ExecutionSpace;
  using T = typename Model::Scalar;
  using Source = TokenSource<Space>;

  static std::size_t bytes(Model const& model, TrainStepOptions const& o) {
    std::size_t const tokens = model.config().context;
    return measure<Space>([&](auto& work) { TokenStep(work, model, o.local_batch, tokens, o); }) +
           model.plan(o.local_batch, tokens, pass_of(o)) + cross_entropy_workspace(o.local_batch * tokens);
  }

  TokenStep(Workspace<Space>& work, Model const& model, Source const& source, std::size_t count,
            TrainStepOptions const& o, typename Model::State& state)
      : TokenStep(work, model, count, source.tokens(), o) {
    model.cut(work, count, source.tokens(), pass_of(o), state);
  }

  /// @return seconds until the source had given the tokens
  double fill_from(Space const& space, Source& source, std::span<std::size_t const> mine, std::uint32_t draw,
                   TrainStepOptions const& o) {
    Random const random = numbers(draw, o);
    return seconds_of([&] { counted_ = source.fill(space, Part::train, mine, &random, ids_, labels_); });
  }

  void prefetch(Source& source, std::span<std::size_t const> next, std::uint32_t draw,
                TrainStepOptions const& o) const {
    Random const random = numbers(draw, o);
    source.prefetch(Part::train, next, &random);
  }

  /// Loss, a mean over all labels of the global batch that count, and, reduced over the ranks, its gradients.
  StepResult differentiate(Space const& space, comm::Communicator const& comm, Model const& model,
                           dist::GradientReducer<Space, T>& reducer, std::size_t global, typename Model::State& state,
                           Workspace<Space> work) const {
    StepResult result;
    result.counted = comm.all_reduce(static_cast<std::int64_t>(counted_));
    CrossEntropyOptions const objective{model.config().label_smoothing,
                                        1 / static_cast<double>(std::max<std::int64_t>(1, result.counted)), true};
    model.forward(space, ids_, state, work);
    cross_entropy(space, state.logits, labels_, objective, work, loss_, correct_);
    cross_entropy_backward(space, state.logits, labels_, objective, state.logits);
    backward(space, model, global, state, work);
    reducer.reduce(space);
    std::array<double, 2> sums{read_host(space, loss_), static_cast<double>(read_host(space, correct_))};
    if constexpr (HasSubspaces<Model>)
      if (regulariser_) sums[0] += regulariser_->value(space, global);
    comm.all_reduce(std::span<double>(sums));
    result.loss = sums[0];
    result.correct = static_cast<std::int64_t>(sums[1]);
    return result;
  }

 private:
  static Random numbers(std::uint32_t draw, TrainStepOptions const& o) { return {o.seed, token_stream, draw}; }

  TokenStep(Workspace<Space>& work, [[maybe_unused]] Model const& model, std::size_t batch, std::size_t tokens,
            [[maybe_unused]] TrainStepOptions const& o)
      : ids_(work.template take<Label>(batch, tokens)),
        labels_(work.template take<Label>(batch * tokens)),
        loss_(work.template take<double>()),
        correct_(work.template take<std::int64_t>()) {
    if constexpr (HasSubspaces<Model>)
      if (o.srr_weight > 0) regulariser_.emplace(work, model, batch, tokens, o.srr_weight);
  }

  void backward(Space const& space, Model const& model, [[maybe_unused]] std::size_t global,
                typename Model::State& state, Workspace<Space> work) const {
    if constexpr (HasSubspaces<Model>) {
      if (regulariser_) {
        regulariser_->begin(space);
        auto const tap = [&](std::size_t block, Tensor3<T, Space> const& dtokens) {
          regulariser_->add_gradient(space, state, block, dtokens, global);
        };
        return model.backward(space, state.logits, state, work, {}, tap);
      }
    }
    model.backward(space, state.logits, state, work);
  }

  Matrix<Label, Space> ids_;
  Vector<Label, Space> labels_;
  Value<double, Space> loss_;
  Value<std::int64_t, Space> correct_;
  std::size_t counted_ = 0;
  std::optional<std::conditional_t<HasSubspaces<Model>, RateRegulariser<Model>, int>> regulariser_;
};

}  // namespace krate::train
