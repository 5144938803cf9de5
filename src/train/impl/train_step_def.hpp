// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "krate/linalg/elementwise.hpp"
#include "krate/nn/cross_entropy.hpp"
#include "krate/optim/gradient_clip.hpp"
#include "krate/rate/mcr2.hpp"
#include "krate/train/impl/gather_decl.hpp"
#include "krate/train/train_step.hpp"
#include "train/impl/inference_def.hpp"

namespace krate::train {

namespace {
constexpr std::uint32_t shift_stream = 0x53484946;  // "SHIF": apart from all streams of parameters
}

template <class Space, class T>
struct StepBuffers {
  Tensor4<T, Space> images, shifted;
  Vector<std::size_t, Space> numbers;
  Vector<T, Space> background;
  Vector<Label, Space> labels;
  Matrix<T, Space> dlogits, dfeatures;  ///< one of them is empty
  Value<double, Space> loss, norm;
  Value<std::int64_t, Space> correct;
  Value<T, Space> scale;
  template <class W, class Config>
  StepBuffers(W& work, Config const& c, std::size_t batch, bool shifts)
      : images(work.template take<T>(batch, c.channels, c.image_size.height, c.image_size.width)),
        shifted(shifts ? work.template take<T>(batch, c.channels, c.image_size.height, c.image_size.width) : images),
        numbers(work.template take<std::size_t>(shifts ? batch : 0)),
        background(work.template take<T>(c.channels)),
        labels(work.template take<Label>(batch)),
        dlogits(work.template take<T>(c.mcr2 ? 0 : batch, c.classes)),
        dfeatures(work.template take<T>(c.mcr2 ? batch : 0, c.dim)),
        loss(work.template take<double>()),
        norm(work.template take<double>()),
        correct(work.template take<std::int64_t>()),
        scale(work.template take<T>()) {}
};

template <class Model>
std::size_t objective_workspace(Model const& model, std::size_t batch) {
  auto const& c = model.config();
  return c.mcr2 ? mcr2_workspace<typename Model::ExecutionSpace>(batch, c.dim, c.classes)
                : cross_entropy_workspace(batch);
}

inline models::Pass pass_of(TrainStepOptions const& o) {
  return o.recompute ? models::Pass::recompute : models::Pass::training;
}

template <class Model>
std::size_t step_bytes(Model const& model, TrainStepOptions const& o) {
  using Space = typename Model::ExecutionSpace;
  using T = typename Model::Scalar;
  std::size_t const step =
      measure<Space>([&](auto& work) { StepBuffers<Space, T>(work, model.config(), o.local_batch, o.shift > 0); }) +
      model.plan(o.local_batch, pass_of(o)) + objective_workspace(model, o.local_batch) +
      optim::gradient_norm_workspace();
  return std::max(step, Inference<Model>::bytes(model, o.local_batch));
}

template <class Model>
TrainStep<Model>::TrainStep(Space const& space, comm::Communicator const& comm, Model model, optim::Rule const& rule,
                            TrainStepOptions const& options)
    : comm_(comm),
      model_(std::move(model)),
      rule_(rule),
      options_(options),
      optimizer_(space, rule, model_.parameters()),
      reducer_(comm, model_.parameters()),
      arena_(space, step_bytes(model_, options), "krate::train::arena"),
      inference_(model_, options.local_batch, arena_.workspace()) {
  require_value(options.clip >= 0, "krate::train::TrainStep", "clip", options.clip, "must not be negative; 0 is off");
  require_value(options.shift >= 0, "krate::train::TrainStep", "shift", options.shift, "must not be negative");
}

template <class Model>
StepResult TrainStep<Model>::run(Space const& space, BatchSource<Space, T>& source, std::span<std::size_t const> mine,
                                 std::size_t global, std::int64_t step, double learning_rate) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::train::step"));
  auto work = arena_.workspace();
  StepBuffers<Space, T> const b(work, model_.config(), mine.size(), options_.shift > 0);
  model_.cut(work, mine.size(), pass_of(options_), state_);
  auto const& list = model_.parameters();

  source.fill(space, Part::train, mine, b.images, b.labels);
  if (options_.shift > 0) {
    if constexpr (krate::impl::is_device<Space>) {
      Kokkos::deep_copy(
          space, b.numbers,
          Kokkos::View<std::size_t const*, Kokkos::HostSpace, krate::impl::Unmanaged>(mine.data(), mine.size()));
    } else {
      std::copy(mine.begin(), mine.end(), b.numbers.data());
    }
    for (std::size_t c = 0; c < b.background.size(); ++c)
      fill(space, Kokkos::subview(b.background, std::pair<std::size_t, std::size_t>(c, c + 1)), source.background(c));
    krate::impl::SampleKernels<Space, T>::shift(space, b.images, b.numbers, b.background,
                                                Random(options_.seed, shift_stream, static_cast<std::uint32_t>(step)),
                                                options_.shift, b.shifted);
  }
  for (auto const& s : list.segments()) fill(space, s.gradient, T(0));
  model_.forward(space, b.shifted, state_, work);
  StepResult result;
  if (auto const& mcr2 = model_.config().mcr2) {
    mcr2_loss(space, comm_, state_.head_input, b.labels, *mcr2, model_.config().classes, work, b.loss, b.dfeatures);
    model_.backward_features(space, b.dfeatures, state_, work);
    reducer_.reduce(space);
    result.loss = read_host(space, b.loss);
  } else {
    CrossEntropyOptions const objective{model_.config().label_smoothing, 1 / static_cast<double>(global)};
    cross_entropy(space, state_.logits, b.labels, objective, work, b.loss, b.correct);
    cross_entropy_backward(space, state_.logits, b.labels, objective, b.dlogits);
    model_.backward(space, b.dlogits, state_, work);
    reducer_.reduce(space);
    std::array<double, 2> sums{read_host(space, b.loss), static_cast<double>(read_host(space, b.correct))};
    comm_.all_reduce(std::span<double>(sums));
    result.loss = sums[0];
    result.correct = static_cast<std::int64_t>(sums[1]);
  }
  optim::gradient_norm(space, list, work, b.norm);
  optim::clip_scale(space, b.norm, options_.clip, b.scale);
  result.gradient_norm = read_host(space, b.norm);
  if (!std::isfinite(result.loss) || !std::isfinite(result.gradient_norm)) {
    throw NumericalError("krate::train::step", "loss " + std::to_string(result.loss) + " and gradient norm " +
                                                   std::to_string(result.gradient_norm) + " at step " +
                                                   std::to_string(step + 1) +
                                                   " (training diverged); lower the learning rate, or clip gradients");
  }
  optim::update(space, rule_, learning_rate, step + 1, list, b.scale, optimizer_);
  space.fence(KRATE_LABEL("krate::train::step: the batch's memory is used again"));
  return result;
}

template <class Model>
Evaluation TrainStep<Model>::evaluate(Space const& space, BatchSource<Space, T>& source, Part part) {
  return inference_.evaluate(space, comm_, source, part);
}

template <class Model>
std::size_t TrainStep<Model>::bytes() const {
  return arena_.bytes() + (2 + optimizer_.names().size()) * optimizer_.length() * sizeof(T);
}

}  // namespace krate::train
