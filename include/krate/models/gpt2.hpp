// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/gpt2_config.hpp"
#include "krate/models/language_model.hpp"

namespace krate::models {

template <class Space, class T>
using Gpt2State = LanguageState<BlockStack<Space, T>>;

/// GPT-2, the language model that a causal CRATE is compared with: embeddings of tokens and positions; `depth` blocks
/// of multi-head attention, which sees a token and those before it, and MLP; norm; and the token table once more as the
/// head.
/// Source: Radford et al. 2019, "Language models are unsupervised multitask learners"; names as nanoGPT has them, GELU
/// by the error function. Copies share the parameters.
template <class Space, class T>
class Gpt2 : public LanguageModel<BlockStack<Space, T>> {
 public:
  using Config = Gpt2Config;
  static constexpr char const* name = "gpt2";

  /// Parameters start as in nanoGPT, from the seed alone: embeddings and linear maps normal with deviation 0.02, maps
  /// back to the tokens with 0.02 / (2 depth)^1/2, biases 0, norms 1 and 0. Matrices decay, biases and norms do not.
  /// @throws ValueError if the configuration cannot work
  /// @note allocates: parameters and gradients; fences: no
  Gpt2(Space const& space, Gpt2Config const& config, Seed seed = {});

  /// What a model of this configuration will hold. @throws ValueError if the configuration cannot work
  static ParameterTable parameter_table(Gpt2Config const& config);

  Gpt2Config const& config() const { return config_; }

 private:
  static LanguageLayers<BlockStack<Space, T>> list(ParameterTable& table, Gpt2Config const& config);

  Gpt2Config config_;
};

}  // namespace krate::models
