// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

#include "krate/io/checkpoint.hpp"
#include "krate/train/closed_loop_step.hpp"

namespace krate::train {

/// Collective: writes a model file, or with `step` a checkpoint with the optimizers' states, in one step
/// (io/checkpoint.hpp has the layout). @throws IoError, and leaves nothing behind
/// @note allocates: host memory on devices; fences: yes
template <class Space, class T>
void save_closed_loop(Space const& space, comm::Communicator const& comm, ClosedLoopStep<Space, T> const& game,
                      std::string const& path, Configuration const* train = nullptr) {
  auto const& model = game.model();
  io::CheckpointWriter file(path, comm, model.config.configuration());
  for (auto const& list : model.lists()) io::save_parameters(space, list, file);
  if (train) {
    for (std::size_t player = 0; player < 2; ++player)
      for (std::size_t i = 0; i < 2; ++i) {
        auto const& state = game.optimizers()[player];
        io::save_state<Space, T>(space, model.lists()[2 * player], optim::AdamW::name, state.names()[i], state.view(i),
                                 file);
      }
    file.write_train(*train);
  }
  file.commit();
}

/// Collective: goes on from a checkpoint. @return its /train
/// @throws IoError if it is damaged or lacks a tensor; ValueError or ShapeError if it is another model's
template <class Space, class T>
Configuration load_closed_loop(Space const& space, io::CheckpointReader const& file, ClosedLoopStep<Space, T>& game) {
  auto& model = game.model();
  file.require_model(model.config.name());
  for (auto const& list : model.lists()) io::load_parameters(space, file, list);
  for (std::size_t player = 0; player < 2; ++player)
    for (std::size_t i = 0; i < 2; ++i) {
      auto const& state = game.optimizers()[player];
      io::load_state<Space, T>(space, file, model.lists()[2 * player], optim::AdamW::name, state.names()[i],
                               state.view(i));
    }
  model.encoder.read_steps(space);
  return file.train();
}

/// @throws IoError if a file holds fewer numbers than a model of this configuration has: before memory is taken for it
void require_room_for(models::CscCtrlConfig const& config, io::CheckpointReader const& file);

/// Collective: the model of a file, in scalar T whatever the file's. @throws as load_closed_loop()
template <class Space, class T>
models::CscCtrl<Space, T> load_csc_ctrl(Space const& space, io::CheckpointReader const& file) {
  auto const config = models::CscCtrlConfig::from(file.config());
  require_room_for(config, file);
  models::CscCtrl<Space, T> model(space, config);
  for (auto const& list : model.lists()) io::load_parameters(space, file, list);
  model.encoder.read_steps(space);
  return model;
}

}  // namespace krate::train
