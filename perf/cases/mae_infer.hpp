// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/crate_mae.hpp"
#include "krate/nn/token_mask.hpp"
#include "perf/cases/crate_mae_cost.hpp"
#include "perf/cases/memory.hpp"
#include "perf/cases/numbers.hpp"

namespace krate::perf {

/// The forward pass of a CRATE-MAE, encoder and decoder: from a batch of images in memory, of which patches are
/// removed, to the pixels of all patches.
template <class Space, class T>
class MaeInferCase {
 public:
  using Arithmetic = T;
  using Model = models::CrateMae<Space, T>;
  struct Options {
    models::CrateMaeConfig model;
    std::size_t batch = 0;
  };
  MaeInferCase(Space const& space, Options const& o)
      : model_(space, o.model), flops_(flops_of(o.model, o.batch).forward()) {
    auto const& c = o.model;
    Matrix<T, Space> noise;
    arena_ = allocate(space, [&](auto& work) {
      images_ = work.template take<T>(o.batch, c.channels, c.image_size.height, c.image_size.width);
      noise = work.template take<T>(o.batch, c.patches());
      removed_ = work.template take<bool>(o.batch, c.patches());
      work_ = take_workspace(work, model_.plan(o.batch, models::Pass::inference));
    });
    fill_normal(space, images_, 1, 0);
    fill_normal(space, noise, 1, 1);
    mask_of_noise(space, noise, c.kept(), removed_);
    model_.cut(work_, o.batch, models::Pass::inference, state_);
  }
  void run(Space const& space) { model_.forward(space, images_, removed_, state_, work_); }
  Cost cost() const {
    return {flops_,
            static_cast<double>(images_.size() + model_.parameters().count() + state_.prediction.size()) * sizeof(T)};
  }
  double tokens() const { return static_cast<double>(images_.extent(0) * model_.config().tokens()); }
  Tensor3<T, Space> output() const { return state_.prediction; }
  static double least_memory(Options const& o) {
    auto const m = memory_of(o.model, o.batch);
    return (2 * m.parameters + 3 * m.patches + 3 * m.tokens + m.scores) * sizeof(T);
  }

 private:
  Model model_;
  typename Model::State state_;
  double flops_;
  Tensor4<T, Space> images_;
  Matrix<bool, Space> removed_;
  Workspace<Space> work_;
  Arena<Space> arena_;
};

}  // namespace krate::perf
