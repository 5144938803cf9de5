// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/image.hpp"

namespace krate::tools {

/// The bytes of a PNG file. @throws ValueError for an empty image
std::vector<std::uint8_t> encode_png(Image const& image);
/// Writes a PNG file, in one step. @throws IoError if it cannot be written
void write_png(std::string const& path, Image const& image);

/// The pixels of a PNG file: grey, or RGB where it has colours or a palette; values as they stand, whatever gamma says.
/// @param path  for messages
/// @throws IoError for what is no PNG, damaged, or has alpha or 16 bits a channel
Image decode_png(std::string_view bytes, std::string const& path);

/// Base64 (RFC 4648, with padding).
std::string base64(std::span<std::uint8_t const> bytes);
/// The image as a "data:" address, to stand inside an HTML page.
std::string data_uri(Image const& image);

}  // namespace krate::tools
