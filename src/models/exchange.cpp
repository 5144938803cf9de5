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

template <class T>
void read_official(OfficialTensors const& from, OfficialTensor const& tensor, std::span<T> out) {
  std::string first;
  for (auto const& name : tensor.names) {
    auto const* const info = from.find(name);
    if (!info) continue;
    if (first.empty()) {
      from.file().read<T>(*info, out);
      first = name;
      continue;
    }
    std::vector<T> other(out.size());
    from.file().read<T>(*info, other);
    if (std::memcmp(other.data(), out.data(), out.size_bytes()) != 0) {
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
