// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/models/exchange.hpp"

#include <algorithm>
#include <cstring>
#include <map>

namespace krate::models {

namespace {

io::TensorType floating_type(Configuration const& config, std::string const& key, io::TensorType otherwise) {
  if (!config.has(key)) return otherwise;
  auto const name = config.get<std::string>(key);
  auto const type = io::tensor_type(name);
  if (!type || !io::is_floating(*type)) {
    throw ValueError("krate::models::stored_types", config.origin() + ": attribute '" + key + "' is '" + name +
                                                        "', expected F16, BF16, F32 or F64; give the type anew");
  }
  return *type;
}

}  // namespace

TensorTypes tensor_types(ParameterTable const& table, OfficialTensors const& tensors) {
  tensors.require_fit(table);
  TensorTypes types;
  for (auto const& official : table.official_tensors()) {
    for (auto const& name : official.names) {
      auto const* const tensor = tensors.find(name);
      if (!tensor) continue;
      types.push_back(tensor->type);
      break;
    }
  }
  return types;
}

void store_types(ParameterTable const& table, TensorTypes const& types, Configuration& config) {
  std::map<io::TensorType, std::size_t> counts;
  for (auto const type : types) ++counts[type];
  auto const most =
      std::max_element(counts.begin(), counts.end(), [](auto const& a, auto const& b) { return a.second < b.second; });
  if (most == counts.end()) return;
  config.set("dtype", io::name_of(most->first));
  for (std::size_t i = 0; i < types.size(); ++i)
    if (types[i] != most->first) config.set("dtype/" + table.specs()[i].name, io::name_of(types[i]));
}

TensorTypes stored_types(ParameterTable const& table, Configuration const& config, io::TensorType otherwise) {
  auto const usual = floating_type(config, "dtype", otherwise);
  TensorTypes types;
  for (auto const& spec : table.specs()) types.push_back(floating_type(config, "dtype/" + spec.name, usual));
  return types;
}

namespace impl {

namespace {

/// Rows and columns of `shape` exchanged.
template <class T>
std::vector<T> transposed(std::span<T const> values, std::size_t rows, std::size_t columns) {
  std::vector<T> out(values.size());
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < columns; ++c) out[c * rows + r] = values[r * columns + c];
  return out;
}

template <class T>
bool same_bits(std::span<T const> a, std::span<T const> b) {
  return std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

/// The values of one tensor.
template <class T>
void read_one(OfficialTensors const& from, io::TensorInfo const& info, OfficialTensor const& tensor, std::span<T> out) {
  if (tensor.copies == 1 && !tensor.transposed) return from.file().read_values(info, out);
  std::vector<T> all(info.size());
  from.file().read_values(info, std::span<T>(all));
  std::span<T const> const whole(all), first = whole.first(out.size());
  for (std::size_t i = 1; i < tensor.copies; ++i) {
    if (same_bits(first, whole.subspan(i * out.size(), out.size()))) continue;
    throw IoError(
        "krate::models::import_parameters",
        from.file().path() + ": tensor " + info.name + " holds " + std::to_string(tensor.copies) +
            " matrices that differ, but the model has one for all of them; check that --family is the file's");
  }
  auto const values = tensor.transposed ? transposed(first, info.shape[0], info.shape[1]) : all;
  std::copy_n(values.begin(), out.size(), out.begin());
}

}  // namespace

template <class T>
std::vector<T> official_values(OfficialTensor const& tensor, std::span<T const> values) {
  std::vector<T> one(values.begin(), values.end()), all;
  if (tensor.transposed) one = transposed(values, tensor.shape[1], tensor.shape[0]);
  for (std::size_t i = 0; i < tensor.copies; ++i) all.insert(all.end(), one.begin(), one.end());
  return all;
}
template std::vector<float> official_values<float>(OfficialTensor const&, std::span<float const>);
template std::vector<double> official_values<double>(OfficialTensor const&, std::span<double const>);

template <class T>
void read_official(OfficialTensors const& from, OfficialTensor const& tensor, std::span<T> out) {
  std::string first;
  for (auto const& name : tensor.names) {
    auto const* const info = from.find(name);
    if (!info) continue;
    if (first.empty()) {
      read_one(from, *info, tensor, out);
      first = name;
      continue;
    }
    std::vector<T> other(out.size());
    read_one(from, *info, tensor, std::span<T>(other));
    if (!same_bits<T>(other, out)) {
      throw IoError("krate::models::import_parameters",
                    from.file().path() + ": tensors " + first + " and " + name +
                        " differ, but the model has one parameter for both; correct the file");
    }
  }
}
template void read_official<float>(OfficialTensors const&, OfficialTensor const&, std::span<float>);
template void read_official<double>(OfficialTensors const&, OfficialTensor const&, std::span<double>);

}  // namespace impl

}  // namespace krate::models
