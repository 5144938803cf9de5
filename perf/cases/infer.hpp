// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/crate.hpp"
#include "krate/models/crate_alpha.hpp"
#include "krate/models/crate_mae.hpp"
#include "krate/models/tost.hpp"
#include "krate/models/vit.hpp"
#include "krate/nn/token_mask.hpp"
#include "perf/cases/crate_alpha_cost.hpp"
#include "perf/cases/crate_mae_cost.hpp"
#include "perf/cases/tost_cost.hpp"
#include "perf/cases/transformer_cost.hpp"

namespace krate::perf {

/// The forward pass of a model of the CRATE family, prepared for its parameters: from a batch of images in memory to
/// logits; of a masked autoencoder, encoder and decoder, to the pixels of all patches, of which some are removed.
template <class Space, class T, template <class, class> class ModelOf>
class ModelInferCase {
 public:
  using Arithmetic = T;
  using Model = ModelOf<Space, T>;
  static constexpr bool masked = requires(typename Model::Config const& c) { c.mask_ratio; };
  struct Options {
    typename Model::Config model;
    std::size_t batch = 0;
  };
  ModelInferCase(Space const& space, Options const& o)
      : model_(space, o.model), flops_(flops_of(o.model, o.batch).inference()) {
    auto const& c = o.model;
    std::size_t const patches = masked ? c.patches() : 0;
    Matrix<T, Space> noise;
    arena_ = allocate(space, [&](auto& work) {
      images_ = work.template take<T>(o.batch, c.channels, c.image_size.height, c.image_size.width);
      noise = work.template take<T>(o.batch, patches);
      removed_ = work.template take<bool>(o.batch, patches);
      std::size_t bytes = model_.plan(o.batch, models::Pass::inference);
      if constexpr (!masked) bytes += model_.prepared_bytes();
      work_ = take_workspace(work, bytes);
    });
    fill_normal(space, images_, 1, 0);
    if constexpr (masked) {
      fill_normal(space, noise, 1, 1);
      mask_of_noise(space, noise, c.kept(), removed_);
    } else {
      model_.prepare(space, work_, state_);
    }
    model_.cut(work_, o.batch, models::Pass::inference, state_);
  }
  void run(Space const& space) {
    if constexpr (masked) {
      model_.forward(space, images_, removed_, state_, work_);
    } else {
      model_.forward(space, images_, state_, work_);
    }
  }
  Cost cost() const {
    return {flops_, static_cast<double>(images_.size() + model_.parameters().count() + output().size()) * sizeof(T)};
  }
  double tokens() const { return static_cast<double>(images_.extent(0) * model_.config().tokens()); }
  auto const& output() const {
    if constexpr (masked) {
      return state_.prediction;
    } else {
      return state_.logits;
    }
  }
  static double least_memory(Options const& o) {
    auto const m = memory_of(o.model, o.batch);
    return (2 * m.parameters + 3 * m.patches + 3 * m.tokens + m.scores) * sizeof(T);
  }

 private:
  Model model_;
  typename Model::State state_;
  double flops_;
  Tensor4<T, Space> images_;
  Matrix<bool, Space> removed_;  ///< of a masked autoencoder
  Workspace<Space> work_;
  Arena<Space> arena_;
};
template <class Space, class T>
using InferCase = ModelInferCase<Space, T, models::Crate>;
template <class Space, class T>
using MaeInferCase = ModelInferCase<Space, T, models::CrateMae>;

}  // namespace krate::perf
