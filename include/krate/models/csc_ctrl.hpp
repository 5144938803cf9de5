// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/conv_decoder.hpp"
#include "krate/models/conv_encoder.hpp"

namespace krate::models {

/// The two players of closed-loop transcription: an encoder that codes images sparsely (or convolves them), and a
/// decoder with dictionaries of its own. Source: Dai et al. 2023 (CSC-CTRL), Dai et al. 2022 (CTRL).
template <class Space, class T>
struct CscCtrl {
  using ExecutionSpace = Space;
  using Scalar = T;
  using Config = CscCtrlConfig;

  CscCtrlConfig config;
  ConvEncoder<Space, T> encoder;
  ConvDecoder<Space, T> decoder;

  /// Parameters start from the seed alone: dictionaries uniform in +-(6 / fan_in)^1/2 and then of unit length,
  /// convolutions normal of deviation 0.02. @throws ValueError if the configuration cannot work
  CscCtrl(Space const& space, CscCtrlConfig const& c, Seed seed = {})
      : config((c.validate(), c)), encoder(space, c, seed), decoder(space, c, seed) {}

  /// What model files hold of it.
  std::vector<ParameterList<Space, T>> lists() const {
    return {encoder.lists().trained, encoder.lists().collected, decoder.lists().trained, decoder.lists().collected};
  }
  std::size_t count() const { return encoder.lists().trained.count() + decoder.lists().trained.count(); }
};

}  // namespace krate::models
