// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate data cifar10: the binary files of CIFAR-10, records of a label and 3 x 32 x 32 bytes.
#include <filesystem>

#include "krate/core/error.hpp"
#include "tools/cli.hpp"
#include "tools/data.hpp"
#include "tools/files.hpp"

namespace krate::tools {

namespace {

constexpr char const* in_data_cifar10 = "krate::data cifar10";
constexpr std::size_t pixels = 3 * 32 * 32, record = 1 + pixels;

void append_batch(NewDataset& made, std::string const& directory, std::string const& name, std::uint8_t split) {
  auto const path = plain_or_packed((std::filesystem::path(directory) / name).string());
  auto const bytes = read_file(path);
  if (bytes.empty() || bytes.size() % record != 0) {
    throw IoError(in_data_cifar10, path + ": has " + std::to_string(bytes.size()) + " bytes, expected a multiple of " +
                                       std::to_string(record) +
                                       " (it is cut short, or not the binary version); fetch it again");
  }
  for (std::size_t at = 0; at < bytes.size(); at += record) {
    auto const label = static_cast<unsigned char>(bytes[at]);
    if (label >= 10) {
      throw IoError(in_data_cifar10, path + ": record " + std::to_string(at / record) + " has the label " +
                                         std::to_string(label) + ", expected 0 to 9 (not CIFAR-10?); fetch it again");
    }
    made.labels.push_back(label);
    made.split.push_back(split);
    auto const begin = bytes.begin() + static_cast<std::ptrdiff_t>(at) + 1;
    made.bytes.insert(made.bytes.end(), begin, begin + pixels);
  }
}

NewDataset read_cifar10(std::string const& directory) {
  if (!std::filesystem::is_directory(directory))
    throw IoError(in_data_cifar10, directory + ": is no directory; name the one with data_batch_1.bin");
  NewDataset made;
  made.sample_shape = {3, 32, 32};
  made.classes = 10;
  made.scale = 1.0 / 255;
  made.description = "made from CIFAR-10's binary files; test_batch is split 1";
  for (int batch = 1; batch <= 5; ++batch)
    append_batch(made, directory, "data_batch_" + std::to_string(batch) + ".bin", 0);
  append_batch(made, directory, "test_batch.bin", 1);
  return made;
}

}  // namespace

void add_data_cifar10(cli::App& data, Context& context) {
  auto const command = add_source(data, context, "cifar10", "CIFAR-10: a directory with its binary files, plain or .gz",
                                  "krate data cifar10 ~/cifar-10-batches-bin -o cifar10.h5");
  auto const directory = std::make_shared<std::string>();
  command.app->add_option("directory", *directory, "Holds data_batch_1.bin to data_batch_5.bin and test_batch.bin")
      ->required()
      ->option_text("DIR");
  command.app->callback([&context, directory, output = command.output] {
    make_dataset(context, *output, [&] { return read_cifar10(*directory); });
  });
}

}  // namespace krate::tools
