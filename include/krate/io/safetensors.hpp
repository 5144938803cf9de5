// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Safetensors files: the form in which PyTorch and JAX programs exchange parameters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "krate/io/atomic_path.hpp"

namespace krate::io {

/// Element types, in the order in which the official library sorts tensors.
enum class TensorType { boolean, u8, i8, i16, u16, f16, bf16, i32, u32, f32, f64, i64, u64 };

/// As the files have it: "F32".
char const* name_of(TensorType type);
/// Upper or lower case. None for a name that krate does not read.
std::optional<TensorType> tensor_type(std::string_view name);
std::size_t bytes_of(TensorType type);
bool is_floating(TensorType type);

/// A tensor in a file, row-major.
struct TensorInfo {
  std::string name;
  TensorType type = TensorType::f32;
  std::vector<std::size_t> shape{};  ///< empty for a single value
  std::uint64_t begin = 0;           ///< of its bytes, counted from the end of the header

  std::size_t size() const {
    std::size_t n = 1;
    for (auto const extent : shape) n *= extent;
    return n;
  }
  std::size_t bytes() const { return size() * bytes_of(type); }
};

using Metadata = std::map<std::string, std::string>;

/// Reads a file. Its header is checked as if someone wished harm: sizes are bounded by the file's before memory is
/// taken, tensors must fill the file without overlap or hole, and no name may come twice.
class SafetensorsReader {
 public:
  /// @throws IoError for all that is wrong with the file: the text names the file and what is wrong
  explicit SafetensorsReader(std::string path);

  std::string const& path() const { return path_; }
  Metadata const& metadata() const { return metadata_; }
  std::span<TensorInfo const> tensors() const { return tensors_; }  ///< sorted by name

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
