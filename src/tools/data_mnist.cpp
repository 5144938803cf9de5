// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate data mnist: the four IDX files of MNIST and its relatives (Fashion-MNIST, KMNIST), plain or packed.
// Format: big-endian 32-bit magic number (two zero bytes, 8 for unsigned bytes, number of axes), the extents, the
// bytes.
#include <filesystem>

#include "krate/core/error.hpp"
#include "tools/cli.hpp"
#include "tools/data.hpp"
#include "tools/files.hpp"

namespace krate::tools {

namespace {

struct Idx {
  std::string path;
  std::vector<std::size_t> extents;
  std::string bytes;  // with the header
  std::size_t header = 0;
};

std::uint32_t big_endian(std::string const& bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

Idx read_idx(std::string const& directory, std::string const& name, std::size_t axes) {
  constexpr char const* where = "krate::data mnist";
  Idx file;
  file.path = plain_or_packed((std::filesystem::path(directory) / name).string());
  file.bytes = read_file(file.path);
  file.header = 4 + 4 * axes;
  auto const refuse = [&](std::string const& what) {
    throw IoError(where, file.path + ": " + what + "; fetch it again");
  };
  if (file.bytes.size() < file.header) {
    refuse("has " + std::to_string(file.bytes.size()) + " bytes, expected a header of " + std::to_string(file.header) +
           " (it is cut short or empty)");
  }
  std::uint32_t const magic = big_endian(file.bytes, 0), expected = 0x0800 + static_cast<std::uint32_t>(axes);
  if (magic != expected) {
    refuse("begins with the magic number " + std::to_string(magic) + ", expected " + std::to_string(expected) +
           " (bytes with " + std::to_string(axes) + " axes)");
  }
  std::size_t size = 1;
  for (std::size_t a = 0; a < axes; ++a) {
    file.extents.push_back(big_endian(file.bytes, 4 + 4 * a));
    if (__builtin_mul_overflow(size, file.extents.back(), &size)) refuse("declares an impossible size");
  }
  if (size != file.bytes.size() - file.header) {
    refuse("holds " + std::to_string(file.bytes.size() - file.header) + " bytes of data, but its header promises " +
           std::to_string(size) + " (it is cut short or damaged)");
  }
  return file;
}

void append(NewDataset& made, Idx const& images, Idx const& labels, std::uint8_t split) {
  constexpr char const* where = "krate::data mnist";
  if (images.extents[0] != labels.extents[0]) {
    throw IoError(where, images.path + ": has " + std::to_string(images.extents[0]) + " images, but " + labels.path +
                             " has " + std::to_string(labels.extents[0]) + " labels; fetch both again");
  }
  if (images.extents[0] == 0 || images.extents[1] * images.extents[2] == 0) {
    throw IoError(where, images.path + ": has no pixels; fetch it again");
  }
  std::vector<std::size_t> const shape = {1, images.extents[1], images.extents[2]};
  if (!made.sample_shape.empty() && made.sample_shape != shape) {
    throw IoError(where, images.path + ": its images have another size than those for training; fetch both again");
  }
  made.sample_shape = shape;
  made.bytes.insert(made.bytes.end(), images.bytes.begin() + static_cast<std::ptrdiff_t>(images.header),
                    images.bytes.end());
  for (std::size_t i = labels.header; i < labels.bytes.size(); ++i) {
    made.labels.push_back(static_cast<unsigned char>(labels.bytes[i]));
  }
  made.split.insert(made.split.end(), images.extents[0], split);
}

NewDataset read_mnist(std::string const& directory) {
  if (!std::filesystem::is_directory(directory)) {
    throw IoError("krate::data mnist", directory + ": is no directory; name the one with the four IDX files");
  }
  NewDataset made;
  made.scale = 1.0 / 255;
  made.description = "made from IDX files; t10k is split 1";
  append(made, read_idx(directory, "train-images-idx3-ubyte", 3), read_idx(directory, "train-labels-idx1-ubyte", 1), 0);
  append(made, read_idx(directory, "t10k-images-idx3-ubyte", 3), read_idx(directory, "t10k-labels-idx1-ubyte", 1), 1);
  return made;
}

}  // namespace

void add_data_mnist(cli::App& data, Context& context) {
  auto const command =
      add_source(data, context, "mnist", "MNIST and its relatives: a directory with the four IDX files, plain or .gz",
                 "krate data mnist ~/mnist -o mnist.h5");
  auto const directory = std::make_shared<std::string>();
  command.app
      ->add_option(
          "directory", *directory,
          "Holds train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte")
      ->required()
      ->option_text("DIR");
  command.app->callback([&context, directory, output = command.output] {
    make_dataset(context, *output, [&] { return read_mnist(*directory); });
  });
}

}  // namespace krate::tools
