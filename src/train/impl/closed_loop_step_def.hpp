// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <cmath>
#include <string>

#include "krate/core/label.hpp"
#include "krate/linalg/elementwise.hpp"
#include "krate/linalg/fetch.hpp"
#include "krate/nn/pixels.hpp"
#include "krate/optim/gradient_clip.hpp"
#include "krate/rate/closed_loop.hpp"
#include "krate/rate/impl/host_copy.hpp"
#include "krate/train/closed_loop_step.hpp"

namespace krate::train {

/// Everything between images and the value of the game.
template <class Space, class T>
struct ClosedLoopStep<Space, T>::Pass {
  Matrix<T, Space> pixels;
  models::ConvEncoderState<Space, T> images, regenerated;
  models::ConvDecoderState<Space, T> decoded;
  Matrix<T, Space> gradients[2], dpixels;
  Vector<double, Space> values;
  Vector<Label, Space> labels;

  Pass(Workspace<Space>& work, models::CscCtrl<Space, T> const& model, std::size_t batch)
      : images(model.encoder.cut(work, batch)),
        regenerated(model.encoder.cut(work, batch)),
        decoded(model.decoder.cut(work, batch)) {
    auto const& c = model.config;
    std::size_t const count = batch * c.image_size.height * c.image_size.width;
    pixels = work.template take<T>(count, c.channels);
    dpixels = work.template take<T>(count, c.channels);
    for (auto& g : gradients) g = work.template take<T>(batch, c.dim);
    values = work.template take<double>(3);
    labels = work.template take<Label>(batch);
  }
};

template <class Space, class T>
std::size_t ClosedLoopStep<Space, T>::bytes(models::CscCtrl<Space, T> const& model, std::size_t batch) {
  auto const& c = model.config;
  std::size_t const players = std::max({model.encoder.forward_workspace(batch), model.encoder.backward_workspace(batch),
                                        model.decoder.workspace(batch), model.encoder.refresh_workspace()});
  std::size_t const update = optim::gradient_norm_workspace() + measure<Space>([](auto& work) {
                               work.template take<double>();
                               work.template take<T>();
                             });
  return measure<Space>([&](auto& work) { Pass(work, model, batch); }) +
         std::max({players, closed_loop_workspace<Space>(batch, c.dim, c.binary ? 1 : c.classes), update});
}

template <class Space, class T>
ClosedLoopStep<Space, T>::ClosedLoopStep(Space const& space, comm::Communicator const& comm,
                                         models::CscCtrl<Space, T> model, ClosedLoopStepOptions const& options)
    : comm_(comm),
      model_(std::move(model)),
      options_(options),
      optimizers_{optim::OptimizerState<Space, T>(space, options.rule, model_.encoder.lists().trained),
                  optim::OptimizerState<Space, T>(space, options.rule, model_.decoder.lists().trained)},
      reducers_{dist::GradientReducer<Space, T>(comm, model_.encoder.lists().trained),
                dist::GradientReducer<Space, T>(comm, model_.decoder.lists().trained)},
      arena_(space, bytes(model_, options.local_batch), "krate::train::closed_loop") {
  constexpr char const* where = "krate::train::ClosedLoopStep";
  require_value(options.local_batch > 0, where, "local_batch", options.local_batch, "must be positive");
  require_value(options.encoder_steps > 0, where, "encoder_steps", options.encoder_steps, "must be positive");
}

/// The value, and its gradients with respect to the features of images and of what comes back.
template <class Space, class T>
ClosedLoopResult ClosedLoopStep<Space, T>::play(Space const& space, Pass& pass, Workspace<Space> work) const {
  using models::Statistics;
  auto const& c = model_.config;
  model_.encoder.forward(space, comm_, Statistics::batch, 0, pass.pixels, pass.images, work);
  model_.decoder.forward(space, comm_, Statistics::batch, pass.images.features(), pass.decoded, work);
  model_.encoder.forward(space, comm_, Statistics::batch, 1, pass.decoded.pixels(), pass.regenerated, work);
  closed_loop_rate(space, comm_, pass.images.features(), pass.regenerated.features(), pass.labels,
                   {c.eps_squared, c.binary ? 1 : c.classes}, work, pass.values, pass.gradients[0], pass.gradients[1]);
  ClosedLoopResult result;
  krate::impl::copy_to_host(space, pass.values, result.values,
                            KRATE_LABEL("krate::train::ClosedLoopStep: the game's value"));
  return result;
}

/// @return the norm of the gradients
template <class Space, class T>
double ClosedLoopStep<Space, T>::update(Space const& space, bool decoder, std::int64_t step, double learning_rate,
                                        Workspace<Space> work) {
  auto const& list = decoder ? model_.decoder.lists().trained : model_.encoder.lists().trained;
  auto const norm = work.template take<double>();
  auto const sign = work.template take<T>();
  reducers_[decoder].reduce(space);
  optim::gradient_norm(space, list, work, norm);
  double const found = fetch(space, norm, KRATE_LABEL("krate::train::ClosedLoopStep: gradient norm"));
  if (!std::isfinite(found)) {
    throw NumericalError("krate::train::ClosedLoopStep", "the gradient norm is " + std::to_string(found) + " at step " +
                                                             std::to_string(step + 1) +
                                                             " (training diverged); lower the learning rate");
  }
  fill(space, sign, decoder ? T(1) : T(-1));
  optim::adamw_update(space, options_.rule, learning_rate, step + 1, list, sign, optimizers_[decoder].view(0),
                      optimizers_[decoder].view(1));
  if (decoder) {
    model_.decoder.refresh(space);
  } else {
    model_.encoder.refresh(space, options_.power_iterations, work);
  }
  return found;
}

template <class Space, class T>
ClosedLoopResult ClosedLoopStep<Space, T>::run(Space const& space, ConstTensor4<T, Space> const& images,
                                               ConstVector<Label, Space> const& labels, std::int64_t step,
                                               double learning_rate) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::train::closed_loop_step"));
  constexpr char const* where = "krate::train::ClosedLoopStep";
  auto const& c = model_.config;
  std::size_t const batch = images.extent(0);
  require_value(batch <= options_.local_batch, where, "samples", batch, "must not exceed local_batch");
  require_shape(where, "images", images, {batch, c.channels, c.image_size.height, c.image_size.width},
                "the configuration");
  require_shape(where, "labels", labels, {batch}, "one an image");
  auto work = arena_.workspace();
  if (step == 0) {
    model_.encoder.refresh(space, 50, work);
    model_.decoder.refresh(space);
  }
  Pass pass(work, model_, batch);
  if (c.binary) {
    fill(space, pass.labels, Label(0));
  } else {
    copy(space, labels, pass.labels);
  }
  images_to_pixels(space, images, T(2), T(-1), pass.pixels);
  auto const zero = [&](ParameterList<Space, T> const& list) {
    for (auto const& s : list.segments()) fill(space, s.gradient, T(0));
  };
  auto const clear = [&] {
    zero(model_.encoder.lists().trained);
    zero(model_.decoder.lists().trained);
  };
  ClosedLoopResult result;
  auto const steps = static_cast<std::int64_t>(options_.encoder_steps);
  for (std::int64_t i = 0; i < steps; ++i) {
    clear();
    auto const found = play(space, pass, work);
    model_.encoder.backward(space, comm_, pass.gradients[0], pass.images, true, work, {});
    model_.encoder.backward(space, comm_, pass.gradients[1], pass.regenerated, true, work, {});
    double const norm = update(space, false, step * steps + i, learning_rate, work);
    if (i == 0) result = {found.values, norm};
  }
  clear();
  play(space, pass, work);
  model_.encoder.backward(space, comm_, pass.gradients[1], pass.regenerated, false, work, pass.dpixels);
  model_.decoder.backward(space, comm_, pass.decoded, work, pass.dpixels);
  update(space, true, step, learning_rate, work);
  space.fence(KRATE_LABEL("krate::train::ClosedLoopStep: the batch's memory is used again"));
  return result;
}

}  // namespace krate::train
