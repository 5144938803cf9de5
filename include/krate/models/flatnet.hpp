// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <span>
#include <vector>

#include "krate/core/parameters.hpp"
#include "krate/core/workspace.hpp"
#include "krate/linalg/host_matrix.hpp"
#include "krate/models/flatnet_config.hpp"

namespace krate::models {

/// One layer. It moves points onto a plane, the more the nearer they are to `mean`, then shifts and scales all:
///     k = alpha exp(-gamma |z - mean|^2),   z <- ((1 - k) z + k (U U^T (z - mean) + mean) - shift) / scale
struct FlatnetLayer {
  HostMatrix frame{};  ///< U [D, d]
  HostMatrix bend{};   ///< V^T [d (d + 1) / 2, D]: how the points leave the plane, which the way back needs
  std::vector<double> mean{}, centre{}, shift{};
  double alpha = 0, gamma = 0, scale = 1;
  bool operator==(FlatnetLayer const&) const = default;
};

/// What is done to samples before the first layer: their mean is taken off, and they are divided by a length.
struct FlatnetInput {
  std::vector<double> mean{};
  double scale = 1;
};

/// Flattens a manifold layer by layer, and takes it back. Source: Psenka, Pai, Raman, Sastry, Ma 2024, "Representation
/// learning via manifold flattening and reconstruction". Copies share the parameters.
template <class Space, class T = double>
class Flatnet {
 public:
  using ExecutionSpace = Space;
  using Scalar = T;
  static constexpr char const* name = "flatnet";

  /// Zero until it is read. @throws ValueError if the configuration cannot work
  /// @note allocates: parameters; fences: no
  Flatnet(Space const& space, FlatnetConfig const& config);
  /// Of layers that were built. @throws ShapeError if one of them does not fit     @note fences: yes
  Flatnet(Space const& space, FlatnetInput const& input, std::span<FlatnetLayer const> layers);

  FlatnetConfig const& config() const { return config_; }
  ParameterList<Space, T> const& parameters() const { return parameters_; }

  FlatnetInput input(Space const& space) const;
  FlatnetLayer layer(Space const& space, std::size_t i) const;  ///< @note allocates and fences

  /// Bytes that encode() and decode() need.
  std::size_t workspace(std::size_t samples) const;
  /// In place: samples become codes.
  /// @param z  [samples, dim]
  /// @throws ShapeError, or ValueError if the workspace is too small
  /// @note allocates: no; fences: no; bitwise repeatable: yes, each row for itself
  void encode(Space const& space, Matrix<T, Space> const& z, Workspace<Space> work) const;
  /// In place: codes become samples.
  void decode(Space const& space, Matrix<T, Space> const& z, Workspace<Space> work) const;
  /// Of one layer.
  void encode(Space const& space, std::size_t i, Matrix<T, Space> const& z, Workspace<Space> work) const;
  void decode(Space const& space, std::size_t i, Matrix<T, Space> const& z, Workspace<Space> work) const;

 private:
  FlatnetConfig config_;
  ParameterList<Space, T> parameters_;
};

}  // namespace krate::models
