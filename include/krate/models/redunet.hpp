// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/comm/communicator.hpp"
#include "krate/core/parameters.hpp"
#include "krate/core/workspace.hpp"
#include "krate/linalg/impl/cholesky_decl.hpp"
#include "krate/models/redunet_config.hpp"

namespace krate::models {

/// The maps of one layer, inside the model's parameters; see redunet_layer_build().
template <class Space, class T>
struct RedunetMaps {
  Matrix<T, Space> expansion;     ///< [dim, dim]
  Tensor3<T, Space> compression;  ///< [classes, dim, dim]
  Vector<T, Space> weights;       ///< [classes]
};

/// ReduNet on vectors: each layer is one step of projected gradient ascent on the rate reduction, built from the
/// features that reach it, without back-propagation. Source: Chan et al. 2021. Copies share the parameters.
template <class Space, class T>
class Redunet {
 public:
  using ExecutionSpace = Space;
  using Scalar = T;
  static constexpr char const* name = "redunet";

  /// All maps are zero until they are built or read. @throws ValueError if the configuration cannot work
  /// @note allocates: parameters; fences: no
  Redunet(Space const& space, RedunetConfig const& config);

  RedunetConfig const& config() const { return config_; }
  ParameterList<Space, T> const& parameters() const { return parameters_; }
  RedunetMaps<Space, T> layer(std::size_t i) const;

  /// Bytes that build() needs for so many samples on this rank; enough for forward(), too.
  std::size_t build_workspace(std::size_t samples) const;
  /// Bytes that forward() needs.
  std::size_t workspace(std::size_t samples) const;

  /// Collective: makes layer i from the features that reach it; they stay as they are.
  /// @param z       [samples, dim] on this rank, rows of unit length     @param labels  [samples]
  /// @param rates   [2] of double: R and R^c of the features of all ranks
  /// @throws as redunet_layer_build()
  /// @note allocates and fences: with several ranks; bitwise repeatable: yes
  void build(Space const& space, comm::Communicator const& comm, std::size_t i, ConstMatrix<T, Space> const& z,
             ConstVector<Label, Space> const& labels, Workspace<Space> work, Vector<double, Space> const& rates,
             Value<NumericalStatus, Space> const& status) const;

  /// Features through layer i, in place. @param logits  [samples, classes] of the layer's soft assignment
  /// @throws as redunet_layer_forward()     @note allocates: no; fences: no; bitwise repeatable: yes
  void forward(Space const& space, std::size_t i, Matrix<T, Space> const& z, Workspace<Space> work,
               Matrix<T, Space> const& logits) const;

  /// Through all layers: z holds inputs, whose rows are first scaled to unit length, and then features; `logits` are
  /// those of the last layer. The layers leave no other state behind.
  void forward(Space const& space, Matrix<T, Space> const& z, Workspace<Space> work,
               Matrix<T, Space> const& logits) const;

 private:
  RedunetConfig config_;
  ParameterList<Space, T> parameters_;
};

}  // namespace krate::models
