// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

#include "krate/io/checkpoint.hpp"
#include "krate/models/flatnet.hpp"

namespace krate::train {

/// Collective: writes a model file in one step (io/checkpoint.hpp has the layout); with `train`, a checkpoint.
/// @throws IoError, and leaves nothing behind     @note allocates: host memory on devices; fences: yes
template <class Space>
void save_flatnet(Space const& space, comm::Communicator const& comm, models::Flatnet<Space> const& model,
                  std::string const& path, Configuration const& train = {}) {
  io::CheckpointWriter file(path, comm, model.config().configuration());
  io::save_parameters(space, model.parameters(), file);
  if (!train.entries().empty()) file.write_train(train);
  file.commit();
}

/// What a file says of its model. @throws IoError if a layer's frame has another shape than it says: before memory is
/// taken for it; ValueError if it holds another model
models::FlatnetConfig flatnet_config_of(io::CheckpointReader const& file);

/// Collective: the model of a file.
/// @throws as flatnet_config_of(); IoError if the file is damaged or lacks a tensor
/// @note allocates: the model; fences: yes
template <class Space>
models::Flatnet<Space> load_flatnet(Space const& space, io::CheckpointReader const& file) {
  models::Flatnet<Space> model(space, flatnet_config_of(file));
  io::load_parameters(space, file, model.parameters());
  return model;
}

}  // namespace krate::train
