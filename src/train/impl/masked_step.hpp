// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What an optimizer step, and an evaluation, do with a batch of images of which patches are removed.
#pragma once

#include "krate/nn/pixel_loss.hpp"
#include "krate/nn/token_mask.hpp"
#include "train/impl/image_batch.hpp"
#include "train/impl/read_host.hpp"

namespace krate::train {

namespace {
constexpr std::uint32_t mask_stream = 0x4d41534b;  // "MASK": apart from all streams of parameters
}

/// Masks and losses of a batch.
template <class Model>
struct MaskedPatches {
  using Space = typename Model::ExecutionSpace;
  using T = typename Model::Scalar;
  Matrix<T, Space> noise;
  Matrix<bool, Space> removed;
  Value<double, Space> loss;

  template <class W>
  MaskedPatches(W& work, Model const& model, std::size_t batch)
      : noise(work.template take<T>(batch, model.config().patches())),
        removed(work.template take<bool>(batch, model.config().patches())),
        loss(work.template take<double>()) {}

  void draw(Space const& space, Model const& model, Random random, ConstVector<std::size_t, Space> numbers) const {
    draw_noise(space, random, numbers, noise);
    mask_of_noise(space, noise, model.config().kept(), removed);
  }
  /// This rank's part of the mean over the removed patches of `global` samples.
  double measure_loss(Space const& space, Model const& model, typename Model::State const& state, std::size_t global,
                      Workspace<Space> work) const {
    masked_pixel_loss(space, state.prediction, state.target, removed, objective(model, global), work, loss);
    return read_host(space, loss);
  }
  static PixelLossOptions objective(Model const& model, std::size_t global) {
    return model.objective(global * (model.config().patches() - model.config().kept()));
  }
};

template <class Model>
class MaskedStep {
 public:
  using Space = typename Model::ExecutionSpace;
  using T = typename Model::Scalar;
  using Source = BatchSource<Space, T>;

  static std::size_t bytes(Model const& model, TrainStepOptions const& o) {
    return measure<Space>([&](auto& work) { MaskedStep(work, model, o.local_batch, o); }) +
           model.plan(o.local_batch, pass_of(o)) +
           masked_pixel_loss_workspace(o.local_batch * model.config().patches());
  }

  MaskedStep(Workspace<Space>& work, Model const& model, Source const&, std::size_t count, TrainStepOptions const& o,
             typename Model::State& state)
      : MaskedStep(work, model, count, o) {
    model.cut(work, count, pass_of(o), state);
  }

  /// @return seconds until the source had given the images
  double fill_from(Space const& space, Source& source, std::span<std::size_t const> mine, std::uint32_t draw,
                   TrainStepOptions const& o) {
    random_ = Random(o.seed, mask_stream, draw);
    return images_.fill_from(space, source, mine, draw, o);
  }

  void prefetch(Source& source, std::span<std::size_t const> next, std::uint32_t, TrainStepOptions const&) const {
    source.prefetch(Part::train, next);
  }

  /// Loss and, reduced over the ranks, gradients of the global batch.
  StepResult differentiate(Space const& space, comm::Communicator const& comm, Model const& model,
                           dist::GradientReducer<Space, T>& reducer, std::size_t global, typename Model::State& state,
                           Workspace<Space> work) const {
    patches_.draw(space, model, random_, images_.numbers);
    model.forward(space, images_.moved, patches_.removed, state, work);
    StepResult result;
    result.loss = patches_.measure_loss(space, model, state, global, work);
    masked_pixel_loss_backward(space, state.prediction, state.target, patches_.removed,
                               MaskedPatches<Model>::objective(model, global), dprediction_, Matrix<T, Space>());
    model.backward(space, dprediction_, state, work);
    reducer.reduce(space);
    result.loss = comm.all_reduce(result.loss);
    return result;
  }

 private:
  template <class W>
  MaskedStep(W& work, Model const& model, std::size_t batch, TrainStepOptions const& o)
      : images_(work, model.config(), batch, moves_of(o).any(), true),
        patches_(work, model, batch),
        dprediction_(work.template take<T>(batch, model.config().tokens(), model.config().patch_dim())) {}

  ImageBatch<Space, T> images_;
  MaskedPatches<Model> patches_;
  Tensor3<T, Space> dprediction_;
  Random random_{Seed{}, mask_stream};
};

/// The loss of a part, each sample under the same mask in each evaluation.
template <class Model>
class MaskedEvaluation {
 public:
  using Space = typename Model::ExecutionSpace;
  using T = typename Model::Scalar;

  static std::size_t bytes(Model const& model, std::size_t batch) {
    return measure<Space>([&](auto& work) { Buffers(work, model, batch); }) +
           model.plan(batch, models::Pass::inference) + masked_pixel_loss_workspace(batch * model.config().patches());
  }
  /// @return the sum over this rank's samples, as its part of the mean over all
  static double run(Space const& space, Model const& model, typename Model::State& state, BatchSource<Space, T>& source,
                    Part part, std::span<std::size_t const> samples, std::size_t most, Workspace<Space> memory) {
    double sum = 0;
    for (std::size_t first = 0; first < samples.size(); first += most) {
      auto const some = samples.subspan(first, std::min(most, samples.size() - first));
      auto work = memory;
      Buffers const b(work, model, some.size());
      model.cut(work, some.size(), models::Pass::inference, state);
      source.fill(space, part, some, b.images.images, b.images.labels);
      b.images.number(space, some);
      b.patches.draw(space, model, Random(Seed{}, mask_stream), b.images.numbers);
      model.forward(space, b.images.images, b.patches.removed, state, work);
      sum += b.patches.measure_loss(space, model, state, source.size(part), work);
      space.fence(KRATE_LABEL("krate::train::Inference: the batch's memory is used again"));
    }
    return sum;
  }

 private:
  struct Buffers {
    ImageBatch<Space, T> images;
    MaskedPatches<Model> patches;
    template <class W>
    Buffers(W& work, Model const& model, std::size_t batch)
        : images(work, model.config(), batch, false, true), patches(work, model, batch) {}
  };
};

}  // namespace krate::train
