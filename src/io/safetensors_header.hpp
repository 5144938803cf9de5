// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What stands before the data of a safetensors file: the length of the header in 8 bytes, little-endian, and the
// header, JSON: {"NAME": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ..., "__metadata__": {"key":
// "text", ...}}.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "krate/io/safetensors.hpp"

namespace krate::io {

struct SafetensorsHeader {
  Metadata metadata{};
  std::vector<TensorInfo> tensors{};  ///< in the order of their bytes
};

/// The length that the first 8 bytes promise. @throws IoError if the file cannot hold it
std::size_t safetensors_header_bytes(std::string const& path, std::string_view first, std::uint64_t file_bytes);

/// @param header      the header alone
/// @param data_bytes  what the file holds behind it
/// @throws IoError for all but a header whose tensors fill the data exactly
SafetensorsHeader parse_safetensors_header(std::string const& path, std::string_view header, std::uint64_t data_bytes);

/// A name for messages: cut where it is long, and without control characters.
std::string shown(std::string_view name);

}  // namespace krate::io
