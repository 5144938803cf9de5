// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstring>

#include "krate/core/error.hpp"
#include "tools/png.hpp"

namespace krate::tools {

namespace {

constexpr char const* in_png_read = "krate::input";

/// What libpng reads from and says.
struct Source {
  std::string_view rest;
  char problem[128] = "";
};

void read_bytes(png_structp png, png_bytep out, png_size_t count) {
  auto& source = *static_cast<Source*>(png_get_io_ptr(png));
  if (source.rest.size() < count) png_error(png, "it ends in the middle");
  std::memcpy(out, source.rest.data(), count);
  source.rest.remove_prefix(count);
}

[[noreturn]] void on_error(png_structp png, png_const_charp text) {
  auto& source = *static_cast<Source*>(png_get_error_ptr(png));
  std::strncpy(source.problem, text, sizeof source.problem - 1);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}

struct Reading {
  png_structp png = nullptr;
  png_infop info = nullptr;
  explicit Reading(Source& source) {
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &source, on_error, on_warning);
    if (png) info = png_create_info_struct(png);
    if (!info) throw std::bad_alloc();
    png_set_read_fn(png, &source, read_bytes);
  }
  ~Reading() { png_destroy_read_struct(&png, &info, nullptr); }
  Reading(Reading const&) = delete;
};

/// Everything before the pixels. The jump passes over nothing that has a destructor.
bool read_head(Reading const& r) {
  if (setjmp(png_jmpbuf(r.png))) return false;
  png_set_user_limits(r.png, 1 << 14, 1 << 14);
  png_read_info(r.png, r.info);
  png_set_expand(r.png);  // palettes become colours, few bits become eight
  png_set_interlace_handling(r.png);
  png_read_update_info(r.png, r.info);
  return true;
}

bool read_pixels(Reading const& r, png_bytepp rows) {
  if (setjmp(png_jmpbuf(r.png))) return false;
  png_read_image(r.png, rows);
  png_read_end(r.png, nullptr);
  return true;
}

}  // namespace

Image decode_png(std::string_view bytes, std::string const& path) {
  auto const refuse = [&](std::string const& what, char const* advice) {
    throw IoError(in_png_read, path + ": " + what + "; " + advice);
  };
  if (!bytes.starts_with("\x89PNG\r\n\x1a\n")) refuse("is no PNG file", "convert it");
  Source source{bytes};
  Reading const r(source);
  if (!read_head(r)) refuse("cannot be decoded (" + std::string(source.problem) + ")", "fetch it again");
  if (png_get_bit_depth(r.png, r.info) != 8) refuse("has 16 bits a channel", "convert it to 8");
  std::size_t const channels = png_get_channels(r.png, r.info), width = png_get_image_width(r.png, r.info),
                    height = png_get_image_height(r.png, r.info);
  if (channels != 1 && channels != 3) refuse("has an alpha channel", "convert it to grey or RGB");
  if (width * height / 8 / 1100 > bytes.size()) {  // deflate packs no better, a pixel has a bit at least
    refuse("declares " + std::to_string(width) + " x " + std::to_string(height) + " pixels, but has " +
               std::to_string(bytes.size()) + " bytes",
           "fetch it again");
  }
  Image image(width, height, channels);
  std::vector<png_bytep> rows(height);
  for (std::size_t i = 0; i < height; ++i) rows[i] = image.at(i, 0);
  if (!read_pixels(r, rows.data())) refuse("cannot be decoded (" + std::string(source.problem) + ")", "fetch it again");
  return image;
}

}  // namespace krate::tools
