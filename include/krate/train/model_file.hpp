// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <string>

#include "krate/io/checkpoint.hpp"
#include "krate/models/causal_crate_config.hpp"
#include "krate/models/crate.hpp"
#include "krate/models/crate_alpha.hpp"
#include "krate/models/crate_bert_config.hpp"
#include "krate/models/crate_mae_config.hpp"
#include "krate/models/gpt2_config.hpp"
#include "krate/models/mlp.hpp"
#include "krate/models/tost_causal_config.hpp"
#include "krate/models/tost_config.hpp"
#include "krate/models/vit_config.hpp"
#include "krate/optim/optimizer.hpp"

namespace krate::train {

/// What a checkpoint holds beyond a model file: all that resuming needs.
template <class Space, class T>
struct Checkpoint {
  std::int64_t step = 0, epoch = 0;  ///< done so far
  Seed seed = {};
  optim::OptimizerState<Space, T> const* optimizer = nullptr;
  optim::Rule const* rule = nullptr;
};

/// Collective: writes a model file, or a checkpoint, in one step (io/checkpoint.hpp has the layout).
/// @throws IoError, and leaves nothing behind     @note allocates: host memory on devices; fences: yes
template <class Model>
void save_model(typename Model::ExecutionSpace const& space, comm::Communicator const& comm, Model const& model,
                std::string const& path,
                Checkpoint<typename Model::ExecutionSpace, typename Model::Scalar> const* state = nullptr) {
  io::CheckpointWriter file(path, comm, model.config().configuration());
  io::save_parameters(space, model.parameters(), file);
  if (state) {
    for (std::size_t i = 0; i < state->optimizer->names().size(); ++i)
      io::save_state<typename Model::ExecutionSpace, typename Model::Scalar>(
          space, model.parameters(), optim::name(*state->rule), state->optimizer->names()[i], state->optimizer->view(i),
          file);
    Configuration train;
    train.set("step", state->step);
    train.set("epoch", state->epoch);
    train.set("seed", static_cast<std::int64_t>(state->seed.value));
    file.write_train(train);
  }
  file.commit();
}

/// @throws IoError if a file holds fewer numbers than a model of this configuration has: before memory is taken for it
void require_room_for(models::CrateConfig const& config, io::CheckpointReader const& file);
void require_room_for(models::CrateAlphaConfig const& config, io::CheckpointReader const& file);
void require_room_for(models::CrateMaeConfig const& config, io::CheckpointReader const& file);
void require_room_for(models::MlpConfig const& config, io::CheckpointReader const& file);
void require_room_for(models::CrateBertConfig const& config, io::CheckpointReader const& file);
void require_room_for(models::CausalCrateConfig const& config, io::CheckpointReader const& file);
void require_room_for(models::TostConfig const& config, io::CheckpointReader const& file);
void require_room_for(models::TostCausalConfig const& config, io::CheckpointReader const& file);
void require_room_for(models::VitConfig const& config, io::CheckpointReader const& file);
void require_room_for(models::Gpt2Config const& config, io::CheckpointReader const& file);

/// Collective: the model of a file, in scalar T whatever the file's.
/// @throws IoError if the file is damaged or lacks a tensor; ValueError if it holds another model; ShapeError if a
///         tensor does not fit the configuration
/// @note allocates: the model; fences: yes
template <class Model>
Model load_model(typename Model::ExecutionSpace const& space, io::CheckpointReader const& file) {
  file.require_model(Model::name);
  auto const config = Model::Config::from(file.config());
  require_room_for(config, file);
  Model model(space, config);
  io::load_parameters(space, file, model.parameters());
  return model;
}
template <class Space, class T>
models::Crate<Space, T> load_crate(Space const& space, io::CheckpointReader const& file) {
  return load_model<models::Crate<Space, T>>(space, file);
}

}  // namespace krate::train
