// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/models/official_tensors.hpp"

#include <algorithm>
#include <set>

#include "krate/core/error.hpp"
#include "krate/core/require.hpp"
#include "krate/io/configuration_json.hpp"

namespace krate::models {

namespace {

constexpr char const* in_official_tensors = "krate::models::OfficialTensors";

std::string without_prefixes(std::string name) {
  for (bool again = true; again;) {
    again = false;
    for (std::string const prefix : {"module.", "_orig_mod."}) {
      if (!name.starts_with(prefix)) continue;
      name.erase(0, prefix.size());
      again = true;
    }
  }
  return name;
}

/// Some of the names, and how many more there are.
class Names {
 public:
  void add(std::string const& name) {
    if (++count_ <= 4) text_ += (count_ > 1 ? ", " : "") + name.substr(0, 100);
  }
  /// ", 2 WHAT (a, b)", or nothing.
  std::string said(char const* what) const {
    if (count_ == 0) return "";
    std::string const more = count_ > 4 ? " and " + std::to_string(count_ - 4) + " more" : "";
    return ", " + std::to_string(count_) + " " + what + " (" + text_ + more + ")";
  }

 private:
  std::size_t count_ = 0;
  std::string text_;
};

// What the file must have: each under one of its names at least.
std::vector<OfficialTensor> expected(ParameterTable const& table, OfficialTensors const& file) {
  auto tensors = table.official_tensors();
  auto const& chain = table.chain();
  if (!chain || !file.has(*chain)) return tensors;
  auto &weight = tensors[chain->weight], &bias = tensors[chain->bias];
  std::size_t const outputs = weight.shape[0], inputs = weight.shape[1];
  weight.shape = {inputs, inputs};
  bias.shape = {inputs};
  tensors.push_back({{chain->second + ".weight"}, {outputs, inputs}});
  tensors.push_back({{chain->second + ".bias"}, {outputs}});
  return tensors;
}

}  // namespace

OfficialTensors::OfficialTensors(io::TensorFile const& file) : file_(&file) {
  for (auto const& tensor : file.tensors()) {
    std::string const name = without_prefixes(tensor.name);
    if (!io::is_floating(tensor.type)) {
      buffers_.push_back(name);
    } else if (auto const [at, fresh] = tensors_.emplace(name, &tensor); !fresh) {
      throw IoError(in_official_tensors,
                    file.path() + ": tensors " + at->second->name.substr(0, 100) + " and " +
                        tensor.name.substr(0, 100) +
                        " are the same without the prefixes module. and _orig_mod.; leave one out");
    }
  }
}

io::TensorInfo const* OfficialTensors::find(std::string const& name) const {
  auto const at = tensors_.find(name);
  return at == tensors_.end() ? nullptr : at->second;
}

Configuration OfficialTensors::configuration() const {
  std::string const origin = file_->path() + ": the metadata key config";
  auto const at = file_->metadata().find("config");
  return at == file_->metadata().end() ? Configuration(origin) : io::configuration_from_json(at->second, origin);
}

std::size_t OfficialTensors::foreign(ParameterTable const& table) const {
  return static_cast<std::size_t>(std::count_if(
      tensors_.begin(), tensors_.end(), [&](auto const& entry) { return !entry.first.starts_with(table.prefix()); }));
}

void OfficialTensors::require_fit(ParameterTable const& table) const {
  Names missing, extra, misshaped;
  std::set<std::string> known(table.buffers().begin(), table.buffers().end());
  for (auto const& tensor : expected(table, *this)) {
    bool found = false;
    for (auto const& name : tensor.names) {
      known.insert(name);
      auto const* const given = find(name);
      if (!given) continue;
      found = true;
      if (given->shape != tensor.shape) {
        misshaped.add(name + " " + krate::impl::shape_text(given->shape) + " where " +
                      krate::impl::shape_text(tensor.shape) + " is expected");
      }
    }
    if (!found) missing.add(tensor.names.front());
  }
  for (auto const& [name, tensor] : tensors_)
    if (!known.count(name) && name.starts_with(table.prefix())) extra.add(name);
  std::string const text =
      missing.said("missing") + extra.said("that the model does not have") + misshaped.said("of another shape");
  if (text.empty()) return;
  throw IoError(in_official_tensors, file_->path() + ": its tensors do not fit the model: " + text.substr(2) +
                                         "; check family and configuration");
}

}  // namespace krate::models
