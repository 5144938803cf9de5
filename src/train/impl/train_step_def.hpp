// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <cmath>
#include <string>

#include "krate/optim/gradient_clip.hpp"
#include "krate/train/train_step.hpp"
#include "train/impl/image_step.hpp"
#include "train/impl/masked_step.hpp"
#include "train/impl/token_step.hpp"

namespace krate::train {

template <class Model>
using StepOn = std::conditional_t<ReadsTokens<Model>, TokenStep<Model>,
                                  std::conditional_t<RemovesPatches<Model>, MaskedStep<Model>, ImageStep<Model>>>;

/// What clipping computes.
template <class Space, class T>
struct ClipBuffers {
  Value<double, Space> norm;
  Value<T, Space> scale;
  template <class W>
  explicit ClipBuffers(W& work) : norm(work.template take<double>()), scale(work.template take<T>()) {}
};

template <class Model>
std::size_t step_bytes(Model const& model, TrainStepOptions const& o) {
  using Space = typename Model::ExecutionSpace;
  using T = typename Model::Scalar;
  std::size_t const step = measure<Space>([&](auto& work) { ClipBuffers<Space, T>{work}; }) +
                           StepOn<Model>::bytes(model, o) + optim::gradient_norm_workspace();
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
  if constexpr (requires { model_.synchronize(comm_); }) model_.synchronize(comm_);
  require_value(options.clip >= 0, "krate::train::TrainStep", "clip", options.clip, "must not be negative; 0 is off");
  if (options.layer_decay != 1) rates_ = optim::layer_rates(model_.parameters().entries(), options.layer_decay);
  require_value(options.srr_weight >= 0 && std::isfinite(options.srr_weight), "krate::train::TrainStep", "srr_weight",
                options.srr_weight, "must be finite and not negative; 0 is off");
  require_value(options.shift >= 0, "krate::train::TrainStep", "shift", options.shift, "must not be negative");
}

template <class Model>
StepResult TrainStep<Model>::run(Space const& space, SourceOf<Model>& source, std::span<std::size_t const> mine,
                                 std::size_t global, std::int64_t step, double learning_rate,
                                 std::span<std::size_t const> next, std::optional<std::int64_t> epoch) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::train::step"));
  auto work = arena_.workspace();
  ClipBuffers<Space, T> const clip(work);
  StepOn<Model> batch(work, model_, source, mine.size(), options_, state_);
  auto const& list = model_.parameters();

  double const waited =
      batch.fill_from(space, source, mine, static_cast<std::uint32_t>(epoch.value_or(step)), options_);
  batch.prefetch(source, next, static_cast<std::uint32_t>(epoch.value_or(step + 1)), options_);
  if (!gradients_are_zero_)
    for (auto const& s : list.segments()) fill(space, s.gradient, T(0));
  gradients_are_zero_ = false;
  StepResult result = batch.differentiate(space, comm_, model_, reducer_, global, state_, work);
  optim::gradient_norm(space, list, work, clip.norm);
  optim::clip_scale(space, clip.norm, options_.clip, clip.scale);
  result.gradient_norm = read_host(space, clip.norm);
  result.seconds_waiting = waited;
  if (!std::isfinite(result.loss) || !std::isfinite(result.gradient_norm)) {
    throw NumericalError("krate::train::step", "loss " + std::to_string(result.loss) + " and gradient norm " +
                                                   std::to_string(result.gradient_norm) + " at step " +
                                                   std::to_string(step + 1) +
                                                   " (training diverged); lower the learning rate, or clip gradients");
  }
  optim::update(space, rule_, learning_rate, step + 1, list, clip.scale, optimizer_, optim::Gradients::zero, rates_);
  gradients_are_zero_ = true;
  space.fence(KRATE_LABEL("krate::train::step: the batch's memory is used again"));
  return result;
}

template <class Model>
Evaluation TrainStep<Model>::evaluate(Space const& space, SourceOf<Model>& source, Part part) {
  return inference_.evaluate(space, comm_, source, part);
}

template <class Model>
std::size_t TrainStep<Model>::bytes() const {
  return arena_.bytes() + (2 + optimizer_.names().size()) * optimizer_.length() * sizeof(T);
}

}  // namespace krate::train
