// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Safetensors files: the form in which PyTorch and JAX programs exchange parameters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "krate/io/atomic_path.hpp"
#include "krate/io/tensor_file.hpp"

namespace krate::io {

/// Upper or lower case. None for a name that krate does not read.
std::optional<TensorType> tensor_type(std::string_view name);

/// Reads a file. Its header is checked as if someone wished harm: sizes are bounded by the file's before memory is
/// taken, tensors must fill the file without overlap or hole, and no name may come twice.
class SafetensorsReader final : public TensorFile {
 public:
  /// @throws IoError for all that is wrong with the file: the text names the file and what is wrong
  explicit SafetensorsReader(std::string path);

  std::string const& path() const override { return path_; }
  Metadata const& metadata() const override { return metadata_; }
  std::span<TensorInfo const> tensors() const override { return tensors_; }
  void read_values(TensorInfo const& tensor, std::span<float> out) const override { read<float>(tensor, out); }
  void read_values(TensorInfo const& tensor, std::span<double> out) const override { read<double>(tensor, out); }

  /// Values of a floating tensor as T = float or double, exact where T is as wide, else rounded to nearest even; or of
  /// an integer or bool tensor as T = std::int64_t, the nearest where it is beyond.
  /// @throws ValueError for the other kind; ShapeError for a span of another size; IoError if the file has changed
  template <class T>
  void read(TensorInfo const& tensor, std::type_identity_t<std::span<T>> out) const;

 private:
  void read_bytes(std::uint64_t begin, std::span<char> out) const;

  std::string path_;
  mutable std::ifstream file_;
  std::uint64_t data_ = 0;  // where the header ends
  Metadata metadata_;
  std::vector<TensorInfo> tensors_;
};

/// Writes a file in one step: it appears at commit(), and without it nothing stays. Tensors may be written in any
/// order; the file is the one that the official library makes of them, bit for bit.
class SafetensorsWriter {
 public:
  /// @param tensors  all that will be written; `begin` is ignored
  /// @throws ValueError for a name that comes twice or is not UTF-8; IoError
  SafetensorsWriter(std::string const& path, std::vector<TensorInfo> tensors, Metadata const& metadata = {});

  /// T = float or double, rounded to nearest even where the tensor's type is narrower.
  /// @throws ValueError for a name that was not announced or is no floating tensor; ShapeError for a span of another
  ///         size; NumericalError if a finite value is beyond the tensor's type; IoError
  template <class T>
  void write(std::string const& name, std::type_identity_t<std::span<T const>> values);
  /// @throws IoError; ValueError if a tensor has not been written
  void commit();

 private:
  [[noreturn]] void fail() const;
  TensorInfo& take(std::string const& name);

  AtomicPath target_;
  std::ofstream file_;
  std::uint64_t data_ = 0, bytes_ = 0;
  std::vector<TensorInfo> tensors_;
  std::vector<bool> written_;
};

}  // namespace krate::io
