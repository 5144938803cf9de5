// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <numeric>
#include <vector>

#include "krate/linalg/elementwise.hpp"
#include "krate/train/train_step.hpp"
#include "perf/cases/gradient_clip.hpp"
#include "perf/cases/numbers.hpp"
#include "perf/cases/text_cost.hpp"
#include "perf/cases/text_models_cost.hpp"
#include "perf/cases/transformer_cost.hpp"

namespace krate::perf {

/// A batch of texts that stays the same.
template <class Space>
class SameText final : public train::TokenSource<Space> {
 public:
  SameText(Space const& space, std::size_t samples, std::size_t tokens, std::size_t classes)
      : ids_("krate::perf::ids", samples, tokens), classes_(classes) {
    fill_labels<Space>(space, Vector<Label, Space>(ids_.data(), ids_.size()), classes);
  }
  std::size_t tokens() const override { return ids_.extent(1); }
  std::size_t classes() const override { return classes_; }
  std::size_t size(train::Part) const override { return ids_.extent(0); }
  std::size_t fill(Space const& space, train::Part, std::span<std::size_t const>, Random const*,
                   Matrix<Label, Space> const& ids, Vector<Label, Space> const& labels) override {
    copy(space, ids_, ids);
    copy(space, ids_, labels);
    return ids_.size();
  }

 private:
  Kokkos::View<Label**, Kokkos::LayoutRight, DeviceOf<Space>> ids_;
  std::size_t classes_;
};

/// A training step of a language model as the trainer does it: forward, loss, backward, sum of the gradients over the
/// ranks, clipping and AdamW, on texts that are in memory. The batch is that of all ranks together; each has its share.
template <class Space, class T, template <class, class> class ModelOf>
class ModelTextStepCase {
 public:
  using Arithmetic = T;
  using Model = ModelOf<Space, T>;
  struct Options {
    typename Model::Config model;
    std::size_t batch = 0;
    comm::Communicator comm = {};
  };
  ModelTextStepCase(Space const& space, Options const& o)
      : batch_(o.batch),
        mine_(comm::share_of(o.batch, o.comm.rank(), o.comm.size()).count),
        source_(space, mine_.size(), o.model.context, o.model.vocabulary),
        step_(space, o.comm, Model(space, o.model), optim::AdamW{},
              {.local_batch = mine_.empty() ? std::size_t(1) : mine_.size()}) {
    std::iota(mine_.begin(), mine_.end(), std::size_t(0));
    auto const flops = text_flops_of(o.model, mine_.size());
    auto const parameters = static_cast<double>(step_.model().parameters().count());
    cost_ = {flops.forward() + flops.loss() + flops.backward() + gradient_norm_flops(parameters) +
                 update_flops(optim::AdamW{}, parameters),
             update_bytes(optim::AdamW{}, parameters, sizeof(T)) + 2 * flops.rows() * sizeof(Label)};
  }
  /// The learning rate is small: this text is not to be learnt.
  void run(Space const& space) { result_ = step_.run(space, source_, mine_, batch_, number_++, 1e-6); }
  Cost cost() const { return cost_; }
  double tokens() const { return static_cast<double>(mine_.size() * source_.tokens()); }
  Vector<T, Space> output() const { return step_.model().parameters().segments()[0].value; }
  double loss() const { return result_.loss; }
  static double least_memory(Options const& o) {
    auto const f = text_flops_of(o.model, o.batch / static_cast<std::size_t>(o.comm.size()));
    return (4 * f.parameters() + f.rows() * (4 * f.depth * f.dim + f.vocabulary)) * sizeof(T);
  }

 private:
  std::size_t batch_;
  std::vector<std::size_t> mine_;
  SameText<Space> source_;
  train::TrainStep<Model> step_;
  train::StepResult result_;
  std::int64_t number_ = 0;
  Cost cost_;
};
template <class Space, class T>
using TextStepCase = ModelTextStepCase<Space, T, models::CausalCrate>;

}  // namespace krate::perf
