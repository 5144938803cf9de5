// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <array>

#include "krate/comm/communicator.hpp"
#include "krate/core/arena.hpp"
#include "krate/dist/gradient_reducer.hpp"
#include "krate/models/csc_ctrl.hpp"
#include "krate/optim/optimizer.hpp"

namespace krate::train {

struct ClosedLoopStepOptions {
  std::size_t local_batch = 1;                         ///< most samples of this rank
  optim::AdamW rule{.beta1 = 0.5, .weight_decay = 0};  ///< of both players
  std::size_t encoder_steps = 1;                       ///< of each iteration; the decoder takes one
  std::size_t power_iterations = 3;                    ///< see ConvEncoder::refresh
};

/// What an iteration found before the encoder's first update, over all ranks.
struct ClosedLoopResult {
  std::array<double, 3> values{};  ///< of closed_loop_rate()
  double gradient_norm = 0;        ///< of the encoder
  double game() const { return values[0] + values[1] + values[2]; }
};

/// One iteration of the game of closed-loop transcription, data parallel over the ranks: the encoder f climbs the value
/// of features z = f(x) and z^ = f(g(z)), the decoder g then descends it, each with an Adam of its own. Batch norms
/// take the statistics of all ranks, and collect those of images and of what comes back apart. All memory is one arena.
/// Source: Dai et al. 2022 (CTRL), algorithm of the minimax game.
template <class Space, class T>
class ClosedLoopStep {
 public:
  /// @throws ValueError for options that cannot work     @note allocates: arena and optimizer states; fences: yes
  ClosedLoopStep(Space const& space, comm::Communicator const& comm, models::CscCtrl<Space, T> model,
                 ClosedLoopStepOptions const& options);

  /// Collective. @param images  [samples, channels, height, width] of this rank in [0, 1]     @param labels  [samples]
  /// @param step  counted from 0
  /// @throws NumericalError if the value or a gradient is no number: the encoder is then left as it was
  /// @note allocates: with several ranks, and the lists of states; fences: yes; bitwise repeatable: yes
  ClosedLoopResult run(Space const& space, ConstTensor4<T, Space> const& images,
                       ConstVector<Label, Space> const& labels, std::int64_t step, double learning_rate);

  models::CscCtrl<Space, T>& model() { return model_; }
  models::CscCtrl<Space, T> const& model() const { return model_; }
  /// Of the encoder and of the decoder.
  std::array<optim::OptimizerState<Space, T>, 2> const& optimizers() const { return optimizers_; }

 private:
  struct Pass;
  static std::size_t bytes(models::CscCtrl<Space, T> const& model, std::size_t batch);
  ClosedLoopResult play(Space const& space, Pass& pass, Workspace<Space> work) const;
  double update(Space const& space, bool decoder, std::int64_t step, double learning_rate, Workspace<Space> work);

  comm::Communicator comm_;
  models::CscCtrl<Space, T> model_;
  ClosedLoopStepOptions options_;
  std::array<optim::OptimizerState<Space, T>, 2> optimizers_;
  std::array<dist::GradientReducer<Space, T>, 2> reducers_;
  Arena<Space> arena_;
};

}  // namespace krate::train
