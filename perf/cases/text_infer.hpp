// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/causal_crate.hpp"
#include "krate/models/crate_bert.hpp"
#include "krate/models/gpt2.hpp"
#include "krate/models/tost_causal.hpp"
#include "perf/cases/cost.hpp"
#include "perf/cases/memory.hpp"
#include "perf/cases/numbers.hpp"
#include "perf/cases/text_cost.hpp"
#include "perf/cases/text_models_cost.hpp"
#include "perf/cases/transformer_cost.hpp"

namespace krate::perf {

/// The forward pass of a language model, prepared for its parameters: logits of a batch of texts that is in memory.
template <class Space, class T, template <class, class> class ModelOf>
class ModelTextInferCase {
 public:
  using Arithmetic = T;
  using Model = ModelOf<Space, T>;
  struct Options {
    typename Model::Config model;
    std::size_t batch = 0;
  };
  ModelTextInferCase(Space const& space, Options const& o)
      : model_(space, o.model), flops_(text_flops_of(o.model, o.batch).inference()) {
    std::size_t const n = o.model.context;
    arena_ = allocate(space, [&](auto& work) {
      ids_ = work.template take<Label>(o.batch, n);
      work_ = take_workspace(work, model_.prepared_bytes() + model_.plan(o.batch, n, models::Pass::inference));
    });
    fill_labels<Space>(space, Vector<Label, Space>(ids_.data(), ids_.size()), o.model.vocabulary);
    model_.prepare(space, work_, state_);
    model_.cut(work_, o.batch, n, models::Pass::inference, state_);
  }
  void run(Space const& space) { model_.forward(space, ids_, state_, work_); }
  Cost cost() const {
    return {flops_, static_cast<double>(model_.parameters().count() + state_.logits.size()) * sizeof(T) +
                        static_cast<double>(ids_.size() * sizeof(Label))};
  }
  double tokens() const { return static_cast<double>(ids_.size()); }
  Matrix<T, Space> output() const { return state_.logits; }
  static double least_memory(Options const& o) {
    auto const f = text_flops_of(o.model, o.batch);
    return (2 * f.parameters() + f.rows() * (3 * f.dim + f.vocabulary)) * sizeof(T);
  }

 private:
  Model model_;
  typename Model::State state_;
  double flops_;
  Matrix<Label, Space> ids_;
  Workspace<Space> work_;
  Arena<Space> arena_;
};
template <class Space, class T>
using TextInferCase = ModelTextInferCase<Space, T, models::CausalCrate>;

}  // namespace krate::perf
