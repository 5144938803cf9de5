// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/train/flatnet_file.hpp"

#include <cstdio>

#include "krate/core/error.hpp"

namespace krate::train {

models::FlatnetConfig flatnet_config_of(io::CheckpointReader const& file) {
  file.require_model("flatnet");
  auto const config = models::FlatnetConfig::from(file.config());
  file.comm().guarded([&] {
    for (std::size_t i = 0; i < config.layers.size(); ++i) {
      char path[48];
      std::snprintf(path, sizeof path, "/model/layers/%05zu/frame", i);
      if (file.has(path) && file.info(path).shape == std::vector<std::size_t>{config.dim, config.layers[i]}) continue;
      throw IoError("krate::train::load_flatnet", file.path() + ": " + path +
                                                      " is missing, or not of the shape that its configuration says; "
                                                      "take another copy of the file");
    }
  });
  return config;
}

}  // namespace krate::train
