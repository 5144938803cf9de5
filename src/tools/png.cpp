// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/png.hpp"

#include <png.h>

#include "krate/core/error.hpp"
#include "krate/core/require.hpp"
#include "tools/files.hpp"

namespace krate::tools {

std::vector<std::uint8_t> encode_png(Image const& image) {
  constexpr char const* where = "krate::tools::encode_png";
  require_value(!image.pixels.empty(), where, "pixels.size()", image.pixels.size(), "must be positive");
  require_value(image.channels == 1 || image.channels == 3, where, "channels", image.channels, "must be 1 or 3");
  png_image header{};
  header.version = PNG_IMAGE_VERSION;
  header.width = static_cast<png_uint_32>(image.width);
  header.height = static_cast<png_uint_32>(image.height);
  header.format = image.channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  png_alloc_size_t bytes = PNG_IMAGE_PNG_SIZE_MAX(header);
  std::vector<std::uint8_t> file(bytes);
  if (!png_image_write_to_memory(&header, file.data(), &bytes, 0, image.pixels.data(), 0, nullptr)) {
    throw IoError(where, std::string("libpng failed (") + header.message + ")");
  }
  file.resize(bytes);
  return file;
}

void write_png(std::string const& path, Image const& image) {
  auto const file = encode_png(image);
  write_file(path, std::string_view(reinterpret_cast<char const*>(file.data()), file.size()));
}

std::string base64(std::span<std::uint8_t const> bytes) {
  constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::size_t const left = bytes.size() - i;
    std::uint32_t const group = static_cast<std::uint32_t>(bytes[i]) << 16 |
                                (left > 1 ? static_cast<std::uint32_t>(bytes[i + 1]) << 8 : 0) |
                                (left > 2 ? static_cast<std::uint32_t>(bytes[i + 2]) : 0);
    text += digits[group >> 18];
    text += digits[group >> 12 & 63];
    text += left > 1 ? digits[group >> 6 & 63] : '=';
    text += left > 2 ? digits[group & 63] : '=';
  }
  return text;
}

std::string data_uri(Image const& image) {
  return "data:image/png;base64," + base64(encode_png(image));
}

}  // namespace krate::tools
