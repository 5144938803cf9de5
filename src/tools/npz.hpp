// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// NumPy's archives of arrays.
#pragma once

#include <string_view>

#include "krate/io/tensor_file.hpp"
#include "tools/zip.hpp"

namespace krate::tools {

/// How an array file (.npy) begins.
struct NpyHeader {
  io::TensorType type = io::TensorType::f32;
  std::vector<std::size_t> shape{};
  bool column_major = false;
  std::size_t data = 0;  ///< bytes before the elements
};
/// @param text  the first bytes of the file, whole up to npy_header_bytes() of them
/// @param size  bytes of the file
/// @throws IoError for what is no array of floating-point numbers, or has another size than its shape says
NpyHeader parse_npy_header(std::string const& origin, std::string_view text, std::uint64_t size);
inline constexpr std::size_t npy_header_bytes = 65536 + 12;

/// An array of an archive.
struct NpzArray {
  std::string name;  ///< without .npy
  NpyHeader header;
  ZipEntry entry;
};
/// @throws IoError for all that is wrong with the archive or one of its arrays, and for two of one name
std::vector<NpzArray> npz_arrays(Bytes const& archive);

/// The elements, row-major. T = float or double. @throws IoError if the archive is damaged
template <class T>
std::vector<T> read_array(Bytes const& archive, NpzArray const& array);

/// The axes of a row-major array in another order: axis i of the result is axis axes[i] of `values`.
template <class T>
std::vector<T> permuted(std::vector<T> const& values, std::vector<std::size_t> const& shape,
                        std::vector<std::size_t> const& axes);

}  // namespace krate::tools
