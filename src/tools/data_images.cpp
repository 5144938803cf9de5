// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate data images: a directory with a folder of PNG files for each class.
#include <algorithm>
#include <filesystem>
#include <optional>

#include "krate/core/error.hpp"
#include "krate/core/require.hpp"
#include "tools/cli.hpp"
#include "tools/data.hpp"
#include "tools/files.hpp"
#include "tools/png.hpp"
#include "tools/resample.hpp"

namespace krate::tools {

namespace {

namespace fs = std::filesystem;
constexpr char const* in_data_images = "krate::data images";

struct ImagesOptions {
  std::string directory{};
  std::optional<std::int64_t> resize{}, crop{};
};

/// Names in a directory, sorted; those that begin with a dot are left out.
std::vector<fs::path> entries_of(fs::path const& directory) {
  std::error_code error;
  std::vector<fs::path> paths;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error))
    if (!it->path().filename().string().starts_with('.')) paths.push_back(it->path());
  if (error)
    throw IoError(in_data_images, directory.string() + ": cannot be read (" + error.message() + "); check the name");
  std::sort(paths.begin(), paths.end());
  return paths;
}

Image transformed(Image image, ImagesOptions const& o, std::string const& path) {
  if (o.resize) image = with_shorter_side(image, static_cast<std::size_t>(*o.resize));
  if (!o.crop) return image;
  auto const side = static_cast<std::size_t>(*o.crop);
  if (image.width < side || image.height < side) {
    throw IoError(in_data_images, path + ": has " + std::to_string(image.width) + " x " + std::to_string(image.height) +
                                      " pixels, fewer than --crop " + std::to_string(side) + "; give --resize " +
                                      std::to_string(side) + " or a smaller --crop");
  }
  return centre_crop(image, side);
}

std::string size_text(Image const& image) {
  return std::to_string(image.width) + " x " + std::to_string(image.height);
}

/// Pixels of all images as [channel, row, column], grey ones repeated where others are coloured.
void store(NewDataset& made, std::vector<Image> const& images) {
  std::size_t channels = 1;
  for (auto const& image : images) channels = std::max(channels, image.channels);
  std::size_t const area = images[0].width * images[0].height;
  made.sample_shape = {channels, images[0].height, images[0].width};
  made.bytes.reserve(images.size() * channels * area);
  for (auto const& image : images)
    for (std::size_t c = 0; c < channels; ++c)
      for (std::size_t k = 0; k < area; ++k)
        made.bytes.push_back(image.pixels[k * image.channels + (image.channels == 1 ? 0 : c)]);
}

NewDataset read_images(ImagesOptions const& o) {
  NewDataset made;
  std::vector<Image> images;
  std::string first;
  for (auto const& folder : entries_of(o.directory)) {
    if (!fs::is_directory(folder)) continue;
    Label const label = static_cast<Label>(made.classes++);
    for (auto const& file : entries_of(folder)) {
      std::string const path = file.string();
      images.push_back(transformed(decode_png(read_file(path), path), o, path));
      made.labels.push_back(label);
      if (first.empty()) first = path;
      if (images.back().width != images[0].width || images.back().height != images[0].height) {
        throw IoError(in_data_images, path + ": has " + size_text(images.back()) + " pixels, but " + first + " has " +
                                          size_text(images[0]) + "; give --resize and --crop");
      }
    }
  }
  if (images.empty()) {
    throw IoError(in_data_images, o.directory +
                                      ": has no images in folders; name a directory with a folder of PNG files for "
                                      "each class");
  }
  store(made, images);
  made.scale = 1.0 / 255;
  made.description = "made from PNG files; classes are the folders in alphabetical order";
  made.split = stratified_split(made.labels);
  return made;
}

}  // namespace

void add_data_images(cli::App& data, Context& context) {
  auto const command =
      add_source(data, context, "images", "A directory with a folder of PNG files (grey or RGB) for each class",
                 "krate data images ~/flowers --resize 256 --crop 224 -o flowers.h5");
  auto const o = std::make_shared<ImagesOptions>();
  command.app->add_option("directory", o->directory, "Holds the folders; classes are numbered in alphabetical order")
      ->required()
      ->option_text("DIR");
  command.app
      ->add_option("--resize", o->resize,
                   "First make the shorter side this long (bicubic with antialiasing, as Pillow)")
      ->option_text("PIXELS");
  command.app->add_option("--crop", o->crop, "Then take a square of this side from the middle")->option_text("PIXELS");
  command.app->callback([&context, o, output = command.output] {
    for (auto const& [name, value] : {std::pair("--resize", o->resize), std::pair("--crop", o->crop)})
      require_value(!value || (*value > 0 && *value <= 1 << 14), in_data_images, name, value.value_or(0),
                    "must be between 1 and 16384");
    make_dataset(context, *output, [&] { return read_images(*o); });
  });
}

}  // namespace krate::tools
