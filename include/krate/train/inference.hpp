// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "krate/analysis/class_subspaces.hpp"
#include "krate/comm/communicator.hpp"
#include "krate/core/function_ref.hpp"
#include "krate/core/workspace.hpp"
#include "krate/models/causal_crate.hpp"
#include "krate/models/crate.hpp"
#include "krate/models/crate_alpha.hpp"
#include "krate/models/crate_bert.hpp"
#include "krate/models/crate_mae.hpp"
#include "krate/models/gpt2.hpp"
#include "krate/models/mlp.hpp"
#include "krate/models/tost.hpp"
#include "krate/models/tost_causal.hpp"
#include "krate/models/vit.hpp"
#include "krate/train/token_source.hpp"

namespace krate::train {

/// Plain cross-entropy (no smoothing) and accuracy over a part of a source; of features that were trained by MCR2, the
/// objective and the accuracy of the nearest subspace; of a masked autoencoder, the loss of the patches that it does
/// not see, each sample's the same each time.
struct Evaluation {
  std::int64_t samples = 0, correct = 0;
  double loss = 0;           ///< mean over the labels; mcr2_loss() of all samples
  std::int64_t counted = 0;  ///< labels; 0: one a sample
  bool has_accuracy = true;  ///< the model tells labels apart
  std::int64_t labels() const { return counted ? counted : samples; }
  /// NaN where there is none.
  double accuracy() const {
    if (!has_accuracy) return std::numeric_limits<double>::quiet_NaN();
    return labels() ? static_cast<double>(correct) / static_cast<double>(labels()) : 0;
  }
};

/// Runs a model over samples without keeping anything for a backward pass, `batch` samples at a time.
template <class Model>
class Inference {
 public:
  using Space = typename Model::ExecutionSpace;
  using T = typename Model::Scalar;

  /// Bytes of the workspace that the constructor takes from.
  static std::size_t bytes(Model const& model, std::size_t batch);
  /// @throws ValueError if batch is 0
  /// @param work  outlives the object; what is cut from it belongs to the object while it runs
  Inference(Model model, std::size_t batch, Workspace<Space> work);

  /// What one batch gave; valid during the call only, with work on `space` still under way.
  struct Batch {
    std::size_t first;               ///< position of its first sample among those asked for
    std::size_t samples;             ///< of this batch
    std::size_t counted;             ///< labels that a loss does not leave out
    ConstMatrix<T, Space> logits;    ///< [samples, classes]; of models that read tokens [samples * tokens, vocabulary]
    ConstMatrix<T, Space> features;  ///< [the same, dim]: the input of the head's linear map
    ConstVector<Label, Space> labels;
  };
  /// Runs samples of `part` in the given order, `use` and `tap` once a batch.
  /// @throws ShapeError if the source's samples do not fit the model; ValueError if the workspace is too small
  /// @note allocates: no; fences: yes, after each batch; bitwise repeatable: yes
  void run(Space const& space, SourceOf<Model>& source, Part part, std::span<std::size_t const> samples,
           FunctionRef<void(Batch const&)> use, models::Tap<Space, T> tap = {}) requires(!RemovesPatches<Model>);

  /// Collective: all samples of a part, shared over the ranks. @throws as run(); MpiError
  /// @param reference  where the configuration names MCR2: the part whose features span the subspaces of the classes,
  ///                   dim / classes directions each
  /// @note allocates: with MCR2; fences: yes; bitwise repeatable: yes, for the same number of ranks
  Evaluation evaluate(Space const& space, comm::Communicator const& comm, SourceOf<Model>& source, Part part,
                      Part reference = Part::train);

 private:
  Evaluation evaluate_features(Space const& space, comm::Communicator const& comm, SourceOf<Model>& source, Part part,
                               Part reference) requires(!ReadsTokens<Model> && !RemovesPatches<Model>);
  Evaluation evaluate_labels(Space const& space, comm::Communicator const& comm, SourceOf<Model>& source,
                             Part part) requires(!RemovesPatches<Model>);
  /// This rank's samples of a part.
  std::span<std::size_t const> share(comm::Communicator const& comm, std::size_t total);

  Model model_;
  std::size_t batch_;
  Workspace<Space> work_, rest_, behind_;  ///< rest_: behind what was prepared; behind_: behind a batch's state
  typename Model::State state_;
  std::vector<std::size_t> samples_;
};

}  // namespace krate::train
