// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A training run that starts from another model's parameters.
#pragma once

#include <optional>

#include "krate/io/checkpoint.hpp"
#include "krate/models/crate_mae.hpp"
#include "krate/models/transfer.hpp"
#include "krate/train/model_file.hpp"
#include "tools/context.hpp"
#include "tools/options.hpp"

namespace krate::tools {

/// The file whose network a run of --from has: that file, or, where the run goes on, its own newest checkpoint.
/// None for a run without --from. Collective.
/// @throws ValueError if no such model can start from the file's; IoError if it cannot be read
std::optional<io::CheckpointReader> network_file(Context& context, OptionTable const& options, std::string const& run,
                                                 bool resume);

/// The network of the file, with what is the run's own: images, classes, objective.
template <class Config>
Config with_network_of(io::CheckpointReader const& file, Config const& asked) {
  Config made = asked;
  if constexpr (std::is_same_v<Config, models::CrateConfig>) {
    made = file.model() == models::CrateMae<Space, float>::name ? models::CrateMaeConfig::from(file.config()).encoder()
                                                                : Config::from(file.config());
    made.pool = asked.pool;
  } else {
    made = Config::from(file.config());
  }
  if constexpr (requires { made.image_size; }) made.image_size = asked.image_size;
  if constexpr (requires { made.patch_size; }) made.patch_size = asked.patch_size;
  if constexpr (requires { made.classes; }) made.classes = asked.classes;
  if constexpr (requires { made.label_smoothing; }) made.label_smoothing = asked.label_smoothing;
  if constexpr (requires { made.mcr2; }) made.mcr2 = asked.mcr2;
  if constexpr (requires { made.mask_ratio; }) {
    made.mask_ratio = asked.mask_ratio;
    made.norm_pix_loss = asked.norm_pix_loss;
  }
  made.validate();
  return made;
}

/// Starts the model from the file, and says so. Collective.
template <class Model>
models::Transfer start_from(Space const& space, io::CheckpointReader const& file, Model const& model) {
  if constexpr (std::is_same_v<typename Model::Config, models::CrateConfig>) {
    using Encoder = models::CrateMae<Space, typename Model::Scalar>;
    if (file.model() == Encoder::name) return models::transfer(space, train::load_model<Encoder>(space, file), model);
  }
  return models::transfer(space, train::load_model<Model>(space, file), model);
}

/// What summary.json has as "from": file, family, and the parameters that were taken, resampled or left as they
/// started; modules that share a fate stand for all of their parameters.
Json transfer_json(io::CheckpointReader const& file, models::Transfer const& transfer);
/// The same as lines for people.
void print_transfer(Context& context, Json const& from);

}  // namespace krate::tools
