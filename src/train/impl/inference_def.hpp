// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <array>
#include <numeric>

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/nn/cross_entropy.hpp"
#include "krate/train/inference.hpp"
#include "train/impl/feature_evaluation_def.hpp"
#include "train/impl/read_host.hpp"

namespace krate::train {

template <class Space, class T>
struct InferenceBuffers {
  Tensor4<T, Space> images;
  Vector<Label, Space> labels;
  Value<double, Space> loss;
  Value<std::int64_t, Space> correct;
  template <class W, class Config>
  InferenceBuffers(W& work, Config const& c, std::size_t batch)
      : images(work.template take<T>(batch, c.channels, c.image_size.height, c.image_size.width)),
        labels(work.template take<Label>(batch)),
        loss(work.template take<double>()),
        correct(work.template take<std::int64_t>()) {}
};

template <class Model>
std::size_t Inference<Model>::bytes(Model const& model, std::size_t batch) {
  return measure<Space>([&](auto& work) { InferenceBuffers<Space, T>(work, model.config(), batch); }) +
         model.prepared_bytes() + model.plan(batch, models::Pass::inference) + cross_entropy_workspace(batch);
}

template <class Model>
Inference<Model>::Inference(Model model, std::size_t batch, Workspace<Space> work)
    : model_(std::move(model)), batch_(batch), work_(work) {
  require_value(batch > 0, "krate::train::Inference", "batch", batch, "must be positive");
}

template <class Model>
void Inference<Model>::run(Space const& space, BatchSource<Space, T>& source, Part part,
                           std::span<std::size_t const> samples, FunctionRef<void(Batch const&)> use,
                           models::Tap<Space, T> tap) {
  rest_ = work_;
  model_.prepare(space, rest_, state_);
  for (std::size_t first = 0; first < samples.size(); first += batch_) {
    std::size_t const count = std::min(batch_, samples.size() - first);
    auto work = rest_;
    InferenceBuffers<Space, T> const buffers(work, model_.config(), count);
    model_.cut(work, count, models::Pass::inference, state_);
    source.fill(space, part, samples.subspan(first, count), buffers.images, buffers.labels);
    model_.forward(space, buffers.images, state_, work, tap);
    use(Batch{first, state_.logits, state_.head_input, buffers.labels});
    space.fence(KRATE_LABEL("krate::train::Inference: the batch's memory is used again"));
  }
}

template <class Model>
std::span<std::size_t const> Inference<Model>::share(comm::Communicator const& comm, std::size_t total) {
  comm::Share const mine = comm::share_of(total, comm.rank(), comm.size());
  samples_.resize(mine.count);
  std::iota(samples_.begin(), samples_.end(), mine.begin);
  return samples_;
}

template <class Model>
Evaluation Inference<Model>::evaluate(Space const& space, comm::Communicator const& comm, BatchSource<Space, T>& source,
                                      Part part, Part reference) {
  if (model_.config().mcr2) return evaluate_features(space, comm, source, part, reference);
  std::size_t const total = source.size(part);
  double loss = 0;
  std::int64_t correct = 0;
  run(space, source, part, share(comm, total), [&](Batch const& b) {
    // The batch's own buffers: cut again at the same place, behind them the state, then what cross-entropy needs.
    auto work = rest_;
    InferenceBuffers<Space, T> const buffers(work, model_.config(), b.labels.extent(0));
    model_.cut(work, b.labels.extent(0), models::Pass::inference, state_);
    cross_entropy(space, b.logits, b.labels, CrossEntropyOptions{}, work, buffers.loss, buffers.correct);
    loss += read_host(space, buffers.loss);
    correct += read_host(space, buffers.correct);
  });
  Evaluation result;
  result.samples = static_cast<std::int64_t>(total);
  result.correct = comm.all_reduce(correct);
  result.loss = total ? comm.all_reduce(loss) / static_cast<double>(total) : 0;
  return result;
}

}  // namespace krate::train
