// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/language_model.hpp"
#include "krate/models/tost_block.hpp"
#include "krate/models/tost_causal_config.hpp"

namespace krate::models {

template <class Space, class T>
using TostCausalState = LanguageState<TostStack<Space, T>>;

/// Causal ToST, a language model: embeddings of tokens and positions; `depth` blocks whose token statistics are those
/// of a token and those before it; norm; and the token table once more as the head.
/// Source: Wu et al. 2025 (ToST, arXiv 2412.17810), as the authors' code has it. Copies share the parameters.
template <class Space, class T>
class TostCausal : public LanguageModel<TostStack<Space, T>> {
 public:
  using Config = TostCausalConfig;
  static constexpr char const* name = "tost_causal";

  /// Parameters start as in the authors' code, from the seed alone: embeddings and linear maps normal with deviation
  /// 0.02, maps back to the tokens with 0.02 / (2 depth)^1/2, biases 0, temperatures and norms 1, branches scaled by
  /// 1e-5. Matrices decay but for position biases; nothing else does.
  /// @throws ValueError if the configuration cannot work
  /// @note allocates: parameters and gradients; fences: no
  TostCausal(Space const& space, TostCausalConfig const& config, Seed seed = {});

  /// What a model of this configuration will hold. @throws ValueError if the configuration cannot work
  static ParameterTable parameter_table(TostCausalConfig const& config);

  TostCausalConfig const& config() const { return config_; }

 private:
  static LanguageLayers<TostStack<Space, T>> list(ParameterTable& table, TostCausalConfig const& config);

  TostCausalConfig config_;
};

}  // namespace krate::models
