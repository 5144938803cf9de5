// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/io/sample_table.hpp"

#include <type_traits>

#include "io/shape.hpp"
#include "krate/core/error.hpp"

namespace krate::io {

Subset subset_of(std::string_view name) {
  if (name == "train") return Subset::train;
  if (name == "test") return Subset::test;
  if (name == "all") return Subset::all;
  throw ValueError("krate::io::subset_of", "'" + std::string(name) + "' is no split; use train, test or all");
}

std::size_t DatasetDescription::sample_size() const {
  return product_of(sample_shape);
}
std::size_t DatasetDescription::label_size() const {
  return product_of(label_shape);
}

std::vector<std::size_t> DatasetDescription::indices(Subset subset) const {
  if (subset == Subset::test && !has_split()) {
    throw ValueError("krate::io::Dataset::indices", origin + ": has no /split, so no test samples; use all");
  }
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < samples; ++i) {
    if (subset == Subset::all || !has_split() || (split[i] == 1) == (subset == Subset::test)) rows.push_back(i);
  }
  return rows;
}

void DatasetDescription::require_labels() const {
  if (!has_labels) {
    throw ValueError("krate::io::Dataset", origin + ": has no labels, but they are needed here; add /labels [" +
                                               std::to_string(samples) + "]");
  }
}

SampleTable::SampleTable(DatasetDescription description, Storage samples, std::vector<Label> labels)
    : description_(std::move(description)), samples_(std::move(samples)), labels_(std::move(labels)) {}

std::size_t SampleTable::bytes() const {
  auto const of = [](auto const& v) { return v.size() * sizeof v[0]; };
  return std::visit(of, samples_) + of(labels_) + of(description_.split);
}

template <class T>
void SampleTable::get(std::size_t row, T* out) const {
  std::size_t const size = description_.sample_size();
  auto const& scale = description_.scale;
  auto const& bias = description_.bias;
  std::size_t const per_scale = size / scale.size(), per_bias = size / bias.size();
  std::visit(
      [&](auto const& all) {
        auto const* const in = all.data() + row * size;
        if (scale.size() == 1 && bias.size() == 1) {
          for (std::size_t i = 0; i < size; ++i) {
            out[i] = static_cast<T>(static_cast<double>(in[i]) * scale[0] + bias[0]);
          }
        } else {
          for (std::size_t i = 0; i < size; ++i) {
            out[i] = static_cast<T>(static_cast<double>(in[i]) * scale[i / per_scale] + bias[i / per_bias]);
          }
        }
      },
      samples_);
}
template void SampleTable::get(std::size_t, float*) const;
template void SampleTable::get(std::size_t, double*) const;

void SampleTable::get_tokens(std::size_t row, Label* out) const {
  std::size_t const size = description_.sample_size();
  std::visit(
      [&](auto const& all) {
        for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<Label>(all[row * size + i]);
      },
      samples_);
}

}  // namespace krate::io
