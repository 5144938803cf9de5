// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <cstdio>

#include "krate/models/redunet.hpp"
#include "krate/rate/redunet_layer.hpp"

namespace krate::models {

inline std::vector<ParameterSpec> redunet_specs(RedunetConfig const& c) {
  c.validate();
  std::vector<ParameterSpec> specs;
  for (std::size_t i = 0; i < c.layers; ++i) {
    char layer[32];
    std::snprintf(layer, sizeof layer, "layers/%04zu/", i);
    auto const add = [&](char const* name, std::vector<std::size_t> shape) {
      specs.push_back({std::string(layer) + name, std::move(shape), false, Split::replicated});
    };
    add("expansion", {c.dim, c.dim});
    add("compression", {c.classes, c.dim, c.dim});
    add("weights", {c.classes});
  }
  return specs;
}

template <class Space, class T>
Redunet<Space, T>::Redunet(Space const& space, RedunetConfig const& config)
    : config_(config), parameters_(space, redunet_specs(config)) {}

template <class Space, class T>
RedunetMaps<Space, T> Redunet<Space, T>::layer(std::size_t i) const {
  require_value(i < config_.layers, "krate::models::Redunet::layer", "i", i, "must be less than the number of layers");
  std::size_t const d = config_.dim, k = config_.classes;
  return {Matrix<T, Space>(parameters_.value(3 * i).data(), d, d),
          Tensor3<T, Space>(parameters_.value(3 * i + 1).data(), k, d, d), parameters_.value(3 * i + 2)};
}

template <class Space, class T>
std::size_t Redunet<Space, T>::workspace(std::size_t samples) const {
  return redunet_layer_forward_workspace<Space, T>(samples, config_.dim, config_.classes);
}

template <class Space, class T>
std::size_t Redunet<Space, T>::build_workspace(std::size_t samples) const {
  return std::max(workspace(samples), redunet_layer_build_workspace<Space>(samples, config_.dim, config_.classes));
}

template <class Space, class T>
void Redunet<Space, T>::build(Space const& space, comm::Communicator const& comm, std::size_t i,
                              ConstMatrix<T, Space> const& z, ConstVector<Label, Space> const& labels,
                              Workspace<Space> work, Vector<double, Space> const& rates,
                              Value<NumericalStatus, Space> const& status) const {
  auto const maps = layer(i);
  redunet_layer_build(space, comm, z, labels, {.eps_squared = config_.eps_squared, .classes = config_.classes}, work,
                      maps.expansion, maps.compression, maps.weights, rates, status);
}

template <class Space, class T>
void Redunet<Space, T>::forward(Space const& space, std::size_t i, Matrix<T, Space> const& z, Workspace<Space> work,
                                Matrix<T, Space> const& logits) const {
  auto const maps = layer(i);
  redunet_layer_forward(space, z, maps.expansion, maps.compression, maps.weights,
                        {.eta = config_.eta, .lambda_s = config_.lambda_s}, work, z, logits);
}

template <class Space, class T>
void Redunet<Space, T>::forward(Space const& space, Matrix<T, Space> const& z, Workspace<Space> work,
                                Matrix<T, Space> const& logits) const {
  normalize_rows(space, z, z);
  for (std::size_t i = 0; i < config_.layers; ++i) forward(space, i, z, work, logits);
}

}  // namespace krate::models
