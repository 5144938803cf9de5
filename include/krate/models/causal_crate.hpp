// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/causal_crate_config.hpp"
#include "krate/models/language_model.hpp"

namespace krate::models {

template <class Space, class T>
using CausalCrateState = LanguageState<BlockStack<Space, T>>;

/// Causal CRATE, a language model: embeddings of tokens and positions; `depth` blocks whose attention sees a token and
/// those before it; and the token table once more as the head, z E^T, without norm or bias (overcomplete: with norm).
/// Source: Yu et al. 2023 (CRATE), in the form of CRATE-GPT2, as the authors' code has it. Copies share the parameters.
template <class Space, class T>
class CausalCrate : public LanguageModel<BlockStack<Space, T>> {
 public:
  using Config = CausalCrateConfig;
  static constexpr char const* name = "causal_crate";

  /// Parameters start as in the authors' code, from the seed alone: embeddings and linear maps normal with deviation
  /// 0.02, output maps with 0.02 / (2 depth)^1/2, their biases 0, dictionaries uniform in +-(6 / dim)^1/2, norms 1 and
  /// 0. Weights decay, biases and norms do not.
  /// @throws ValueError if the configuration cannot work
  /// @note allocates: parameters and gradients; fences: no
  CausalCrate(Space const& space, CausalCrateConfig const& config, Seed seed = {});

  /// What a model of this configuration will hold. @throws ValueError if the configuration cannot work
  static ParameterTable parameter_table(CausalCrateConfig const& config);

  CausalCrateConfig const& config() const { return config_; }

 private:
  static LanguageLayers<BlockStack<Space, T>> list(ParameterTable& table, CausalCrateConfig const& config);

  CausalCrateConfig config_;
};

}  // namespace krate::models
