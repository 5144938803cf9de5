// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "krate/io/hdf5.hpp"
#include "krate/io/sample_table.hpp"

namespace krate::io {

struct DatasetOptions {
  std::string samples{};     ///< path of the samples; empty: /samples/images, /samples/features or /samples/tokens
  std::string labels{};      ///< path of the labels; empty: /labels if it is there
  bool as_features = false;  ///< any shape [n, ...] as [n, product of the rest]
};

/// A dataset file.
///
///     /samples/images [n, C, H, W]  or  /samples/features [n, d]  or  /samples/tokens [n, T]
///     /labels [n] or [n, T]     optional; attribute `classes`, else the largest label + 1
///     /split [n]                optional; 0 train, 1 test
///
/// Any integer or floating type is read. A sample is value * scale + bias, where the attributes `scale` and `bias` of
/// the samples hold one value or one a channel; without them 1/255 and 0 for uint8, 1 and 0 for others. Tokens are
/// taken as they are. Text attributes `axes`, `description` and `units` are kept. Unknown names are ignored.
///
/// Opening checks all but the samples; reading checks those. With several ranks each reads its share of the rows.
/// @throws IoError for a file that is not such a dataset: the text names file, path and, where one is wrong, the row;
///         NumericalError for NaN and infinity among the samples, naming row and position
class Dataset {
 public:
  /// Collective.
  static Dataset open(std::string const& path, comm::Communicator const& comm = {}, DatasetOptions const& options = {});

  DatasetDescription const& description() const { return description_; }
  std::size_t size() const { return description_.samples; }
  std::vector<std::size_t> indices(Subset subset) const { return description_.indices(subset); }
  void require_labels() const { description_.require_labels(); }

  /// Collective: samples [begin, begin + count), scaled, one after the other; T is float or double. A rank may read
  /// none.
  template <class T>
  void read_rows(std::size_t begin, std::size_t count, std::type_identity_t<std::span<T>> out) const;
  /// Collective: their labels.
  void read_labels(std::size_t begin, std::size_t count, std::span<Label> out) const;
  /// Collective: everything, in the memory of every rank.
  SampleTable load() const;

 private:
  Dataset(File file, DatasetOptions options) : file_(std::move(file)), options_(std::move(options)) {}
  void describe_samples();
  void describe_labels();
  void check_labels();
  void read_split();

  File file_;
  DatasetOptions options_;  // with the paths that were found
  DatasetDescription description_;
  DatasetInfo samples_, labels_;
};

/// What write_dataset writes. Each rank gives the rows it has, which follow those of the ranks before it: rank 0 may
/// have all and the others none.
struct DatasetContents {
  SampleKind kind = SampleKind::features;
  std::vector<std::size_t> sample_shape{};
  std::variant<std::span<std::uint8_t const>, std::span<std::int32_t const>, std::span<float const>,
               std::span<double const>>
      samples{};
  std::span<Label const> labels{};             ///< none, or one a sample, or one a position
  std::vector<std::size_t> label_shape{};      ///< as in DatasetDescription
  std::span<std::uint8_t const> split{};       ///< none, or one a sample
  std::int64_t classes = 0;                    ///< 0: not stored
  std::vector<double> scale{}, bias{};         ///< empty: not stored
  std::string axes{}, description{}, units{};  ///< empty: not stored; axes have a default
  Configuration attributes{};                  ///< more, of the file itself: source, licence, …
};

/// Collective: makes a dataset file in one step.
/// @throws ShapeError, ValueError, NumericalError for contents that Dataset::open would refuse; IoError
void write_dataset(std::string const& path, comm::Communicator const& comm, DatasetContents const& contents,
                   FileOptions const& options = {});

}  // namespace krate::io
