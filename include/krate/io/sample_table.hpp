// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "krate/core/types.hpp"

namespace krate::io {

enum class SampleKind {
  images,    ///< [channel, row, column]
  features,  ///< [dim]
  tokens     ///< [position], integers
};

/// Which rows of a dataset: `/split` says 0 for train, 1 for test.
enum class Subset { train, test, all };
/// "train", "test" or "all". @throws ValueError for another word
Subset subset_of(std::string_view name);

/// What a dataset is, its samples aside.
struct DatasetDescription {
  std::string origin;  ///< file, for messages
  SampleKind kind = SampleKind::features;
  std::size_t samples = 0;
  std::vector<std::size_t> sample_shape;
  bool has_labels = false;
  std::vector<std::size_t> label_shape;   ///< empty: one label a sample; [T]: one a position
  std::int64_t classes = 0;               ///< labels lie in [0, classes); 0 without labels
  std::vector<std::uint8_t> split;        ///< empty: the file has none
  std::vector<double> scale{1}, bias{0};  ///< one value, or one a channel (images) or feature
  std::string axes, description, units;

  std::size_t sample_size() const;
  std::size_t label_size() const;
  bool has_split() const { return !split.empty(); }
  /// Rows of a subset in file order. Without `/split` all rows are train. @throws ValueError for test without `/split`
  std::vector<std::size_t> indices(Subset subset) const;
  /// @throws ValueError if there are no labels
  void require_labels() const;
};

/// Label of a position that a loss leaves out; only where labels are one a position.
inline constexpr Label ignored_label = -100;

/// All samples of a dataset in the memory of every rank, kept as small as the file has them: bytes stay bytes.
class SampleTable {
 public:
  using Storage =
      std::variant<std::vector<std::uint8_t>, std::vector<std::int32_t>, std::vector<float>, std::vector<double>>;

  SampleTable() = default;
  /// @param samples  all rows, one after the other  @param labels  all labels, or none
  SampleTable(DatasetDescription description, Storage samples, std::vector<Label> labels);

  DatasetDescription const& description() const { return description_; }
  std::size_t size() const { return description_.samples; }
  std::size_t bytes() const;

  /// value * scale + bias of all elements of a sample; T is float or double.
  template <class T>
  void get(std::size_t row, T* out) const;
  /// The tokens of a sample, as they are.
  void get_tokens(std::size_t row, Label* out) const;
  /// One label, or one a position.
  std::span<Label const> labels(std::size_t row) const {
    return std::span<Label const>(labels_).subspan(row * description_.label_size(), description_.label_size());
  }
  Label label(std::size_t row) const { return labels_[row * description_.label_size()]; }

 private:
  DatasetDescription description_;
  Storage samples_;
  std::vector<Label> labels_;
};

}  // namespace krate::io
