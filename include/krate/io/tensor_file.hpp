// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace krate::io {

/// Element types, in the order in which the official library of safetensors sorts tensors.
enum class TensorType { boolean, u8, i8, i16, u16, f16, bf16, i32, u32, f32, f64, i64, u64 };

/// As safetensors files have it: "F32".
char const* name_of(TensorType type);
std::size_t bytes_of(TensorType type);
bool is_floating(TensorType type);

/// A tensor in a file, row-major.
struct TensorInfo {
  std::string name;
  TensorType type = TensorType::f32;
  std::vector<std::size_t> shape{};  ///< empty for a single value
  std::uint64_t begin = 0;           ///< where the file has it

  std::size_t size() const {
    std::size_t n = 1;
    for (auto const extent : shape) n *= extent;
    return n;
  }
  std::size_t bytes() const { return size() * bytes_of(type); }
};

using Metadata = std::map<std::string, std::string>;

/// A file of named tensors, whatever its format.
class TensorFile {
 public:
  virtual ~TensorFile() = default;

  virtual std::string const& path() const = 0;
  virtual Metadata const& metadata() const = 0;
  virtual std::span<TensorInfo const> tensors() const = 0;  ///< sorted by name
  /// Values of a floating tensor, exact where the result is as wide, else rounded to nearest even.
  /// @throws ValueError for another tensor; ShapeError for a span of another size; IoError if the file has changed
  virtual void read_values(TensorInfo const& tensor, std::span<float> out) const = 0;
  virtual void read_values(TensorInfo const& tensor, std::span<double> out) const = 0;
};

}  // namespace krate::io
