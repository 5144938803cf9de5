// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <cstdio>

#include "krate/core/label.hpp"
#include "krate/core/require.hpp"
#include "krate/models/flatnet.hpp"
#include "krate/models/tangent_fit.hpp"
#include "models/impl/flatnet_kernels.hpp"
#include "models/impl/for_rows.hpp"
#include "models/impl/host_copies.hpp"

namespace krate::models {

inline std::vector<ParameterSpec> flatnet_specs(FlatnetConfig const& c) {
  c.validate();
  std::vector<ParameterSpec> specs;
  auto const add = [&](std::string name, std::vector<std::size_t> shape) {
    specs.push_back({std::move(name), std::move(shape), false, Split::replicated});
  };
  add("input/mean", {c.dim});
  add("input/scale", {1});
  for (std::size_t i = 0; i < c.layers.size(); ++i) {
    char layer[32];
    std::snprintf(layer, sizeof layer, "layers/%05zu/", i);
    std::string const path(layer);
    add(path + "frame", {c.dim, c.layers[i]});
    add(path + "bend", {pairs_of(c.layers[i]), c.dim});
    add(path + "mean", {c.dim});
    add(path + "centre", {c.dim});
    add(path + "shift", {c.dim});
    add(path + "numbers", {3});
  }
  return specs;
}

inline FlatnetConfig flatnet_config(FlatnetInput const& input, std::span<FlatnetLayer const> layers) {
  FlatnetConfig c{input.mean.size(), {}};
  for (auto const& layer : layers) c.layers.push_back(layer.frame.columns);
  return c;
}

template <class Space, class T>
Flatnet<Space, T>::Flatnet(Space const& space, FlatnetConfig const& config)
    : config_(config), parameters_(space, flatnet_specs(config)) {}

template <class Space, class T>
Flatnet<Space, T>::Flatnet(Space const& space, FlatnetInput const& input, std::span<FlatnetLayer const> layers)
    : Flatnet(space, flatnet_config(input, layers)) {
  std::size_t at = 0;
  auto const put = [&](std::vector<double> const& values) {
    auto const to = parameters_.value(at);
    if (values.size() != to.size()) {
      throw ShapeError("krate::models::Flatnet", parameters_.entries()[at].name + " has " +
                                                     std::to_string(values.size()) + " numbers, expected " +
                                                     std::to_string(to.size()) + "; pass layers as they were built");
    }
    copy_to_device<T>(space, values, to.data());
    ++at;
  };
  put(input.mean);
  put({input.scale});
  for (auto const& layer : layers) {
    put(layer.frame.values);
    put(layer.bend.values);
    put(layer.mean);
    put(layer.centre);
    put(layer.shift);
    put({layer.alpha, layer.gamma, layer.scale});
  }
}

template <class Space, class T>
FlatnetInput Flatnet<Space, T>::input(Space const& space) const {
  return {copy_to_host(space, parameters_.value(0)), copy_to_host(space, parameters_.value(1))[0]};
}

template <class Space, class T>
FlatnetLayer Flatnet<Space, T>::layer(Space const& space, std::size_t i) const {
  require_value(i < config_.layers.size(), "krate::models::Flatnet::layer", "i", i,
                "must be less than the number of layers");
  FlatnetLayer found;
  std::size_t at = 2 + 6 * i;
  auto const get = [&] { return copy_to_host(space, parameters_.value(at++)); };
  found.frame = HostMatrix(config_.dim, config_.layers[i]);
  found.bend = HostMatrix(pairs_of(config_.layers[i]), config_.dim);
  found.frame.values = get();
  found.bend.values = get();
  found.mean = get();
  found.centre = get();
  found.shift = get();
  auto const numbers = get();
  found.alpha = numbers[0];
  found.gamma = numbers[1];
  found.scale = numbers[2];
  return found;
}

template <class Space, class T>
FlatnetMaps<Space, T> flatnet_maps(ParameterList<Space, T> const& p, std::size_t i) {
  std::size_t const at = 2 + 6 * i;
  return {p.value_matrix(at), p.value_matrix(at + 1), p.value(at + 2),
          p.value(at + 3),    p.value(at + 4),        p.value(at + 5)};
}

template <class Space, class T>
std::size_t Flatnet<Space, T>::workspace(std::size_t samples) const {
  std::size_t most = 0;
  for (std::size_t const d : config_.layers) most = std::max(most, d);
  return measure<Space>([&](Workspace<Space>& work) { work.template take<T>(samples, 2 * most); });
}

template <class Space, class T>
void Flatnet<Space, T>::encode(Space const& space, std::size_t i, Matrix<T, Space> const& z,
                               Workspace<Space> work) const {
  require_shape("krate::models::Flatnet::encode", "z", z, {z.extent(0), config_.dim}, "the model's dimension");
  auto const c = work.template take<T>(z.extent(0), config_.layers[i]);
  for_rows(space, KRATE_LABEL("krate::models::flatnet::flatten"), z.extent(0),
           FlattenPoints<Space, T>{flatnet_maps(parameters_, i), z, c});
}

template <class Space, class T>
void Flatnet<Space, T>::decode(Space const& space, std::size_t i, Matrix<T, Space> const& z,
                               Workspace<Space> work) const {
  require_shape("krate::models::Flatnet::decode", "z", z, {z.extent(0), config_.dim}, "the model's dimension");
  auto const c = work.template take<T>(z.extent(0), 2 * config_.layers[i]);
  for_rows(space, KRATE_LABEL("krate::models::flatnet::bend"), z.extent(0),
           BendPoints<Space, T>{flatnet_maps(parameters_, i), z, c});
}

template <class Space, class T>
void Flatnet<Space, T>::encode(Space const& space, Matrix<T, Space> const& z, Workspace<Space> work) const {
  require_shape("krate::models::Flatnet::encode", "z", z, {z.extent(0), config_.dim}, "the model's dimension");
  for_rows(space, KRATE_LABEL("krate::models::flatnet::input"), z.extent(0),
           NormaliseInput<Space, T>{parameters_.value(0), parameters_.value(1), z, false});
  for (std::size_t i = 0; i < config_.layers.size(); ++i) encode(space, i, z, work);
}

template <class Space, class T>
void Flatnet<Space, T>::decode(Space const& space, Matrix<T, Space> const& z, Workspace<Space> work) const {
  require_shape("krate::models::Flatnet::decode", "z", z, {z.extent(0), config_.dim}, "the model's dimension");
  for (std::size_t i = config_.layers.size(); i-- > 0;) decode(space, i, z, work);
  for_rows(space, KRATE_LABEL("krate::models::flatnet::output"), z.extent(0),
           NormaliseInput<Space, T>{parameters_.value(0), parameters_.value(1), z, true});
}

}  // namespace krate::models
