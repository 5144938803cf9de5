// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <numeric>
#include <vector>

#include "krate/train/train_step.hpp"
#include "krate/train/view_source.hpp"
#include "perf/cases/crate_alpha_cost.hpp"
#include "perf/cases/crate_mae_cost.hpp"
#include "perf/cases/gradient_clip.hpp"
#include "perf/cases/tost_cost.hpp"
#include "perf/cases/transformer_cost.hpp"

namespace krate::perf {

/// A training step of a model of the CRATE family as the trainer does it: forward, loss, backward, sum of the gradients
/// over the ranks, clipping and AdamW, on images that are in memory. The batch is that of all ranks together; each has
/// its share.
template <class Space, class T, template <class, class> class ModelOf>
class ModelStepCase {
 public:
  using Arithmetic = T;
  using Model = ModelOf<Space, T>;
  struct Options {
    typename Model::Config model;
    std::size_t batch = 0;
    comm::Communicator comm = {};
  };
  ModelStepCase(Space const& space, Options const& o)
      : batch_(o.batch),
        mine_(comm::share_of(o.batch, o.comm.rank(), o.comm.size()).count),
        images_("krate::perf::images", mine_.size(), o.model.channels, o.model.image_size.height,
                o.model.image_size.width),
        labels_("krate::perf::labels", mine_.size()),
        source_(images_, labels_, classes_of(o.model)),
        step_(space, o.comm, Model(space, o.model), optim::AdamW{},
              {.local_batch = mine_.empty() ? std::size_t(1) : mine_.size()}) {
    fill_normal(space, images_, 1, 0);
    fill_labels<Space>(space, as_vector<Space>(labels_), classes_of(o.model));
    std::iota(mine_.begin(), mine_.end(), std::size_t(0));
    auto const flops = flops_of(o.model, mine_.size());
    auto const parameters = static_cast<double>(step_.model().parameters().count());
    cost_ = {flops.forward() + loss_flops(o.model, mine_.size()) + flops.backward() + gradient_norm_flops(parameters) +
                 update_flops(optim::AdamW{}, parameters),
             update_bytes(optim::AdamW{}, parameters, sizeof(T)) +
                 static_cast<double>(images_.size() * sizeof(T) + labels_.size() * sizeof(Label))};
  }
  /// The learning rate is small: random labels are not to be learnt.
  void run(Space const& space) { result_ = step_.run(space, source_, mine_, batch_, number_++, 1e-6); }
  Cost cost() const { return cost_; }
  double tokens() const { return static_cast<double>(mine_.size() * step_.model().config().tokens()); }
  Vector<T, Space> output() const { return step_.model().parameters().segments()[0].value; }
  double loss() const { return result_.loss; }
  static double least_memory(Options const& o) {
    auto const m = memory_of(o.model, o.batch / static_cast<std::size_t>(o.comm.size()));
    return (4 * m.parameters + 3 * m.patches + 4 * static_cast<double>(o.model.depth) * m.tokens + 2 * m.scores) *
           sizeof(T);
  }

 private:
  std::size_t batch_;
  std::vector<std::size_t> mine_;
  Kokkos::View<T****, Kokkos::LayoutRight, DeviceOf<Space>> images_;
  Kokkos::View<Label*, DeviceOf<Space>> labels_;
  train::ViewSource<Space, T> source_;
  train::TrainStep<Model> step_;
  train::StepResult result_;
  std::int64_t number_ = 0;
  Cost cost_;
};
template <class Space, class T>
using StepCase = ModelStepCase<Space, T, models::Crate>;
template <class Space, class T>
using MaeStepCase = ModelStepCase<Space, T, models::CrateMae>;

}  // namespace krate::perf
