// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

#include "krate/io/checkpoint.hpp"
#include "krate/models/redunet.hpp"

namespace krate::train {

/// Collective: writes a model file in one step (io/checkpoint.hpp has the layout).
/// @throws IoError, and leaves nothing behind     @note allocates: host memory on devices; fences: yes
template <class Space, class T>
void save_redunet(Space const& space, comm::Communicator const& comm, models::Redunet<Space, T> const& model,
                  std::string const& path) {
  io::CheckpointWriter file(path, comm, model.config().configuration());
  io::save_parameters(space, model.parameters(), file);
  file.commit();
}

/// @throws IoError if a file holds fewer numbers than a model of this configuration has: before memory is taken for it
void require_room_for(models::RedunetConfig const& config, io::CheckpointReader const& file);

/// Collective: the model of a file, in scalar T whatever the file's.
/// @throws IoError if the file is damaged or lacks a tensor; ValueError if it holds another model; ShapeError if a
///         tensor does not fit the configuration
/// @note allocates: the model; fences: yes
template <class Space, class T>
models::Redunet<Space, T> load_redunet(Space const& space, io::CheckpointReader const& file) {
  file.require_model(models::Redunet<Space, T>::name);
  auto const config = models::RedunetConfig::from(file.config());
  require_room_for(config, file);
  models::Redunet<Space, T> model(space, config);
  io::load_parameters(space, file, model.parameters());
  return model;
}

}  // namespace krate::train
