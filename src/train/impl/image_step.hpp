// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What an optimizer step does with a batch of images.
#pragma once

#include <array>
#include <optional>

#include "krate/nn/cross_entropy.hpp"
#include "krate/rate/mcr2.hpp"
#include "train/impl/image_batch.hpp"
#include "train/impl/rate_regulariser.hpp"
#include "train/impl/read_host.hpp"

namespace krate::train {

template <class Model>
class ImageStep {
 public:
  using Space = typename Model::ExecutionSpace;
  using T = typename Model::Scalar;
  using Source = BatchSource<Space, T>;

  /// Bytes that the rest takes from its workspace.
  static std::size_t bytes(Model const& model, TrainStepOptions const& o) {
    auto const& c = model.config();
    std::size_t const objective =
        c.mcr2 ? mcr2_workspace<Space>(o.local_batch, c.dim, c.classes) : cross_entropy_workspace(o.local_batch);
    return measure<Space>([&](auto& work) { ImageStep(work, model, o.local_batch, o); }) +
           model.plan(o.local_batch, pass_of(o)) + objective;
  }

  ImageStep(Workspace<Space>& work, Model const& model, Source const&, std::size_t count, TrainStepOptions const& o,
            typename Model::State& state)
      : ImageStep(work, model, count, o) {
    model.cut(work, count, pass_of(o), state);
  }

  /// @return seconds until the source had given the images
  double fill_from(Space const& space, Source& source, std::span<std::size_t const> mine, std::uint32_t draw,
                   TrainStepOptions const& o) const {
    return images_.fill_from(space, source, mine, draw, o);
  }

  void prefetch(Source& source, std::span<std::size_t const> next, std::uint32_t, TrainStepOptions const&) const {
    source.prefetch(Part::train, next);
  }

  /// Loss and, reduced over the ranks, gradients of the global batch.
  StepResult differentiate(Space const& space, comm::Communicator const& comm, Model const& model,
                           dist::GradientReducer<Space, T>& reducer, std::size_t global, typename Model::State& state,
                           Workspace<Space> work) const {
    model.forward(space, images_.moved, state, work);
    StepResult result;
    result.counted = static_cast<std::int64_t>(global);
    if (auto const& mcr2 = model.config().mcr2) {
      mcr2_loss(space, comm, state.head_input, images_.labels, *mcr2, model.config().classes, work, loss_, dfeatures_);
      model.backward_features(space, dfeatures_, state, work);
      reducer.reduce(space);
      result.loss = read_host(space, loss_);
      return result;
    }
    CrossEntropyOptions const objective{model.config().label_smoothing, 1 / static_cast<double>(global)};
    cross_entropy(space, state.logits, images_.labels, objective, work, loss_, correct_);
    cross_entropy_backward(space, state.logits, images_.labels, objective, dlogits_);
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
  ImageStep(Workspace<Space>& work, Model const& model, std::size_t batch, TrainStepOptions const& o)
      : images_(work, model.config(), batch, moves_of(o).any(), moves_of(o).any()),
        dlogits_(work.template take<T>(model.config().mcr2 ? 0 : batch, model.config().classes)),
        dfeatures_(work.template take<T>(model.config().mcr2 ? batch : 0, model.config().dim)),
        loss_(work.template take<double>()),
        correct_(work.template take<std::int64_t>()) {
    if constexpr (HasSubspaces<Model>)
      if (o.srr_weight > 0) regulariser_.emplace(work, model, batch, model.config().tokens(), o.srr_weight);
  }

  void backward(Space const& space, Model const& model, std::size_t global, typename Model::State& state,
                Workspace<Space> work) const {
    if constexpr (HasSubspaces<Model>) {
      if (regulariser_) {
        regulariser_->begin(space);
        auto const tap = [&](std::size_t block, Tensor3<T, Space> const& dtokens) {
          regulariser_->add_gradient(space, state, block, dtokens, global);
        };
        return model.backward(space, dlogits_, state, work, {}, {}, tap);
      }
    }
    model.backward(space, dlogits_, state, work);
  }

  ImageBatch<Space, T> images_;
  Matrix<T, Space> dlogits_, dfeatures_;  ///< one of them is empty
  Value<double, Space> loss_;
  Value<std::int64_t, Space> correct_;
  std::optional<std::conditional_t<HasSubspaces<Model>, RateRegulariser<Model>, int>> regulariser_;
};

}  // namespace krate::train
