// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From the options of a training run to the configuration of its model.
#pragma once

#include "krate/io/sample_table.hpp"
#include "krate/models/causal_crate_config.hpp"
#include "krate/models/crate_alpha_config.hpp"
#include "krate/models/crate_bert_config.hpp"
#include "krate/models/crate_mae_config.hpp"
#include "krate/models/gpt2_config.hpp"
#include "krate/models/mlp_config.hpp"
#include "krate/models/tost_causal_config.hpp"
#include "krate/models/tost_config.hpp"
#include "krate/models/vit_config.hpp"
#include "tools/options.hpp"

namespace krate::tools {

/// Fills in what depends on model, objective and data.
/// @throws ValueError for options that the objective does not have, and for data that the model cannot take
void resolve_model_options(OptionTable& options, io::DatasetDescription const& data);

/// @throws ValueError for options that cannot work
models::CrateConfig crate_config_of(OptionTable const& options, io::DatasetDescription const& data);
models::CrateAlphaConfig crate_alpha_config_of(OptionTable const& options, io::DatasetDescription const& data);
models::CrateMaeConfig crate_mae_config_of(OptionTable const& options, io::DatasetDescription const& data);
models::MlpConfig mlp_config_of(OptionTable const& options, io::DatasetDescription const& data);
models::TostConfig tost_config_of(OptionTable const& options, io::DatasetDescription const& data);
models::VitConfig vit_config_of(OptionTable const& options, io::DatasetDescription const& data);

models::CausalCrateConfig causal_crate_config_of(OptionTable const& options);
models::CrateBertConfig crate_bert_config_of(OptionTable const& options);
models::TostCausalConfig tost_causal_config_of(OptionTable const& options);
models::Gpt2Config gpt2_config_of(OptionTable const& options);

}  // namespace krate::tools
