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
#include "train/impl/masked_step.hpp"
#include "train/impl/read_host.hpp"

namespace krate::train {

/// What cross-entropy gives.
template <class Space>
struct EntropyValues {
  Value<double, Space> loss;
  Value<std::int64_t, Space> correct;
  template <class W>
  explicit EntropyValues(W& work) : loss(work.template take<double>()), correct(work.template take<std::int64_t>()) {}
};

/// A batch of what the model reads.
template <class Model>
struct ImageInput {
  using Space = typename Model::ExecutionSpace;
  using T = typename Model::Scalar;
  Tensor4<T, Space> samples;
  Vector<Label, Space> labels;

  template <class W>
  ImageInput(W& work, Model const& model, std::size_t batch, std::size_t)
      : samples(work.template take<T>(batch, model.config().channels, model.config().image_size.height,
                                      model.config().image_size.width)),
        labels(work.template take<Label>(batch)) {}
  void cut(Workspace<Space>& work, Model const& model, typename Model::State& state) const {
    model.cut(work, samples.extent(0), models::Pass::inference, state);
  }
  static std::size_t length(BatchSource<Space, T> const&) { return 0; }
  static std::size_t most(Model const&) { return 0; }
  static std::size_t plan(Model const& model, std::size_t batch) { return model.plan(batch, models::Pass::inference); }
  std::size_t fill_from(Space const& space, BatchSource<Space, T>& source, Part part,
                        std::span<std::size_t const> chosen) const {
    source.fill(space, part, chosen, samples, labels);
    return chosen.size();
  }
};

template <class Model>
struct TokenInput {
  using Space = typename Model::ExecutionSpace;
  using T = typename Model::Scalar;
  Matrix<Label, Space> samples;
  Vector<Label, Space> labels;

  template <class W>
  TokenInput(W& work, Model const&, std::size_t batch, std::size_t tokens)
      : samples(work.template take<Label>(batch, tokens)), labels(work.template take<Label>(batch * tokens)) {}
  void cut(Workspace<Space>& work, Model const& model, typename Model::State& state) const {
    model.cut(work, samples.extent(0), samples.extent(1), models::Pass::inference, state);
  }
  static std::size_t length(TokenSource<Space> const& source) { return source.tokens(); }
  static std::size_t most(Model const& model) { return model.config().context; }
  static std::size_t plan(Model const& model, std::size_t batch) {
    return model.plan(batch, most(model), models::Pass::inference);
  }
  std::size_t fill_from(Space const& space, TokenSource<Space>& source, Part part,
                        std::span<std::size_t const> chosen) const {
    return source.fill(space, part, chosen, nullptr, samples, labels);
  }
};

template <class Model>
using InputOf = std::conditional_t<ReadsTokens<Model>, TokenInput<Model>, ImageInput<Model>>;

template <class Model>
std::size_t label_bytes(Model const& model, std::size_t batch) {
  using Space = typename Model::ExecutionSpace;
  std::size_t const tokens = InputOf<Model>::most(model), labels = batch * std::max<std::size_t>(1, tokens);
  return measure<Space>([&](auto& work) {
           InputOf<Model>(work, model, batch, tokens);
           EntropyValues<Space>{work};
         }) +
         model.prepared_bytes() + InputOf<Model>::plan(model, batch) + cross_entropy_workspace(labels);
}

template <class Model>
std::size_t Inference<Model>::bytes(Model const& model, std::size_t batch) {
  if constexpr (RemovesPatches<Model>) {
    return MaskedEvaluation<Model>::bytes(model, batch);
  } else {
    return label_bytes(model, batch);
  }
}

template <class Model>
Inference<Model>::Inference(Model model, std::size_t batch, Workspace<Space> work)
    : model_(std::move(model)), batch_(batch), work_(work) {
  require_value(batch > 0, "krate::train::Inference", "batch", batch, "must be positive");
}

template <class Model>
void Inference<Model>::run(Space const& space, SourceOf<Model>& source, Part part, std::span<std::size_t const> samples,
                           FunctionRef<void(Batch const&)> use,
                           models::Tap<Space, T> tap) requires(!RemovesPatches<Model>) {
  rest_ = work_;
  model_.prepare(space, rest_, state_);
  for (std::size_t first = 0; first < samples.size(); first += batch_) {
    std::size_t const count = std::min(batch_, samples.size() - first);
    auto work = rest_;
    InputOf<Model> const input(work, model_, count, InputOf<Model>::length(source));
    input.cut(work, model_, state_);
    std::size_t const counted = input.fill_from(space, source, part, samples.subspan(first, count));
    behind_ = work;
    model_.forward(space, input.samples, state_, work, tap);
    use(Batch{first, count, counted, state_.logits, state_.head_input, input.labels});
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
Evaluation Inference<Model>::evaluate(Space const& space, comm::Communicator const& comm, SourceOf<Model>& source,
                                      Part part, Part reference) {
  if constexpr (RemovesPatches<Model>) {
    std::size_t const total = source.size(part);
    auto const mine = share(comm, total);
    double const loss = MaskedEvaluation<Model>::run(space, model_, state_, source, part, mine, batch_, work_);
    return {.samples = static_cast<std::int64_t>(total), .loss = comm.all_reduce(loss), .has_accuracy = false};
  } else {
    if constexpr (!ReadsTokens<Model>) {
      if (model_.config().mcr2) return evaluate_features(space, comm, source, part, reference);
    }
    return evaluate_labels(space, comm, source, part);
  }
}

template <class Model>
Evaluation Inference<Model>::evaluate_labels(Space const& space, comm::Communicator const& comm,
                                             SourceOf<Model>& source, Part part) requires(!RemovesPatches<Model>) {
  std::size_t const total = source.size(part);
  double loss = 0;
  std::int64_t correct = 0, counted = 0;
  run(space, source, part, share(comm, total), [&](Batch const& b) {
    auto work = behind_;
    EntropyValues<Space> const values(work);
    cross_entropy(space, b.logits, b.labels, CrossEntropyOptions{.ignore_negative = ReadsTokens<Model>}, work,
                  values.loss, values.correct);
    loss += read_host(space, values.loss);
    correct += read_host(space, values.correct);
    counted += static_cast<std::int64_t>(b.counted);
  });
  Evaluation result;
  result.samples = static_cast<std::int64_t>(total);
  result.counted = comm.all_reduce(counted);
  result.correct = comm.all_reduce(correct);
  loss = comm.all_reduce(loss);
  result.loss = result.counted ? loss / static_cast<double>(result.counted) : 0;
  return result;
}

}  // namespace krate::train
