// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Parameters to and from the authors' files.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "krate/io/checkpoint.hpp"
#include "krate/io/safetensors.hpp"
#include "krate/linalg/gemm.hpp"
#include "krate/models/official_tensors.hpp"

namespace krate::models {

/// Element types of a list's parameters, in its order. A model file remembers those of the file that it was imported
/// from, in its configuration: `dtype`, and `dtype/NAME` for each parameter that has another.
using TensorTypes = std::vector<io::TensorType>;
/// @throws IoError if the tensors do not fit the table
TensorTypes tensor_types(ParameterTable const& table, OfficialTensors const& tensors);
void store_types(ParameterTable const& table, TensorTypes const& types, Configuration& config);
/// @param otherwise  where the configuration says nothing: the file was not imported
/// @throws ValueError for words that are no floating type
TensorTypes stored_types(ParameterTable const& table, Configuration const& config, io::TensorType otherwise);

namespace impl {

/// Values of one parameter; those of all its names, and all of its copies, must be the same.
template <class T>
void read_official(OfficialTensors const& from, OfficialTensor const& tensor, std::span<T> out);
/// A parameter's values as the authors' tensor has them.
template <class T>
std::vector<T> official_values(OfficialTensor const& tensor, std::span<T const> values);

/// a [m, k] times b [k, n], row-major, in host memory.
template <class Space>
std::vector<double> product(Space const& space, std::vector<double> a, std::vector<double> b, std::size_t k) {
  using Device = Kokkos::View<double**, Kokkos::LayoutRight, DeviceOf<Space>>;
  using Host = Kokkos::View<double**, Kokkos::LayoutRight, Kokkos::HostSpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>>;
  std::size_t const m = a.size() / k, n = b.size() / k;
  Device const left(Kokkos::view_alloc(space, "krate::models::left"), m, k),
      right(Kokkos::view_alloc(space, "krate::models::right"), k, n),
      out(Kokkos::view_alloc(space, "krate::models::product"), m, n);
  Kokkos::deep_copy(space, left, Host(a.data(), m, k));
  Kokkos::deep_copy(space, right, Host(b.data(), k, n));
  gemm(space, "N", "N", 1.0, left, right, 0.0, out);
  std::vector<double> result(m * n);
  Kokkos::deep_copy(space, Host(result.data(), m, n), out);
  space.fence("krate::models: the product is read by the host");
  return result;
}

/// The chain's weight and bias as one linear map: W2 W1 and W2 b1 + b2.
template <class Space>
struct JoinedChain {
  std::vector<double> weight, bias;
  JoinedChain(Space const& space, ParameterTable const& table, OfficialChain const& chain,
              OfficialTensors const& from) {
    auto const read = [&](std::string const& name) {
      auto const& tensor = *from.find(name);
      std::vector<double> values(tensor.size());
      from.file().read_values(tensor, std::span<double>(values));
      return values;
    };
    auto const second = read(chain.second + ".weight");
    auto const first_bias = read(table.official()[chain.bias]);
    bias = product(space, second, first_bias, first_bias.size());
    auto const second_bias = read(chain.second + ".bias");
    for (std::size_t i = 0; i < bias.size(); ++i) bias[i] += second_bias[i];
    weight = product(space, second, read(table.official()[chain.weight]), first_bias.size());
  }
};

}  // namespace impl

/// Fills a list from the authors' tensors. A linear map that the file gives as two becomes their product, computed in
/// double.
/// @param table  of the model that the list belongs to: Crate::parameter_table(config)
/// @throws IoError if names or shapes do not fit, or tied tensors differ; ShapeError if the list is not the table's
/// @note allocates: host memory for one tensor on devices, and for a map that is given as two; fences: yes
template <class Space, class T>
void import_parameters(Space const& space, ParameterTable const& table, ParameterList<Space, T> const& list,
                       OfficialTensors const& from) {
  from.require_fit(table);
  table.require_list(list);
  bool const chained = table.chain() && from.has(*table.chain());
  std::optional<impl::JoinedChain<Space>> joined;
  if (chained) joined.emplace(space, table, *table.chain(), from);
  std::size_t i = 0;
  io::impl::for_each_on_host(
      space, list, [&](std::size_t k) { return list.value(k); }, true,
      [&](auto const&, auto const&, std::span<T> data) {
        if (chained && (i == table.chain()->weight || i == table.chain()->bias)) {
          auto const& values = i == table.chain()->weight ? joined->weight : joined->bias;
          std::transform(values.begin(), values.end(), data.begin(), [](double v) { return static_cast<T>(v); });
        } else {
          impl::read_official<T>(from, table.official_tensors()[i], data);
        }
        ++i;
      });
}

/// Writes a list under all of the authors' names, in one step.
/// @param types  of the tensors: stored_types(), or one repeated
/// @throws IoError; NumericalError if a finite value is beyond its type; ShapeError if the list is not the table's
/// @note allocates: on devices, host memory for one tensor; fences: yes
template <class Space, class T>
void export_parameters(Space const& space, ParameterTable const& table, ParameterList<Space, T> const& list,
                       TensorTypes const& types, std::string const& path, io::Metadata const& metadata) {
  table.require_list(list);
  require_value(types.size() == list.entries().size(), "krate::models::export_parameters", "types.size()", types.size(),
                "must be the number of parameters");
  std::vector<io::TensorInfo> tensors;
  for (std::size_t i = 0; i < types.size(); ++i) {
    auto const& official = table.official_tensors()[i];
    for (auto const& name : official.names) tensors.push_back({name, types[i], official.shape});
  }
  io::SafetensorsWriter file(path, std::move(tensors), metadata);
  std::size_t i = 0;
  io::impl::for_each_on_host(
      space, list, [&](std::size_t k) { return list.value(k); }, false,
      [&](auto const&, auto const&, std::span<T> data) {
        auto const& tensor = table.official_tensors()[i++];
        bool const same = tensor.copies == 1 && !tensor.transposed;
        auto const arranged = same ? std::vector<T>() : impl::official_values<T>(tensor, data);
        for (auto const& name : tensor.names) file.write<T>(name, same ? data : std::span<T const>(arranged));
      });
  file.commit();
}

}  // namespace krate::models
