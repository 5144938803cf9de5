// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/crate.hpp"
#include "krate/models/crate_alpha.hpp"
#include "krate/models/tost.hpp"
#include "krate/models/vit.hpp"
#include "perf/cases/crate_alpha_cost.hpp"
#include "perf/cases/tost_cost.hpp"
#include "perf/cases/transformer_cost.hpp"

namespace krate::perf {

/// The forward pass of a model of the CRATE family, prepared for its parameters: logits of a batch of images that is in
/// memory.
template <class Space, class T, template <class, class> class ModelOf>
class ModelInferCase {
 public:
  using Arithmetic = T;
  using Model = ModelOf<Space, T>;
  struct Options {
    typename Model::Config model;
    std::size_t batch = 0;
  };
  ModelInferCase(Space const& space, Options const& o)
      : model_(space, o.model), flops_(flops_of(o.model, o.batch).inference()) {
    auto const& c = o.model;
    arena_ = allocate(space, [&](auto& work) {
      images_ = work.template take<T>(o.batch, c.channels, c.image_size.height, c.image_size.width);
      work_ = take_workspace(work, model_.prepared_bytes() + model_.plan(o.batch, models::Pass::inference));
    });
    fill_normal(space, images_, 1, 0);
    model_.prepare(space, work_, state_);
    model_.cut(work_, o.batch, models::Pass::inference, state_);
  }
  void run(Space const& space) { model_.forward(space, images_, state_, work_); }
  Cost cost() const {
    return {flops_,
            static_cast<double>(images_.size() + model_.parameters().count() + state_.logits.size()) * sizeof(T)};
  }
  double tokens() const { return static_cast<double>(images_.extent(0) * model_.config().tokens()); }
  Matrix<T, Space> output() const { return state_.logits; }
  static double least_memory(Options const& o) {
    auto const m = memory_of(o.model, o.batch);
    return (2 * m.parameters + 3 * m.patches + 3 * m.tokens + m.scores) * sizeof(T);
  }

 private:
  Model model_;
  typename Model::State state_;
  double flops_;
  Tensor4<T, Space> images_;
  Workspace<Space> work_;
  Arena<Space> arena_;
};
template <class Space, class T>
using InferCase = ModelInferCase<Space, T, models::Crate>;

}  // namespace krate::perf
