// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// NumPy archives, good and bad, byte by byte. Needs zlib for checksums.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace krate::testing {

inline std::string little(std::uint64_t value, int width) {
  std::string bytes;
  for (int i = 0; i < width; ++i, value >>= 8) bytes += static_cast<char>(value & 0xff);
  return bytes;
}

/// An array file: the header's dictionary and the elements.
inline std::string npy_bytes(std::string const& dictionary, std::string const& elements) {
  return "\x93NUMPY" + std::string("\x01\x00", 2) + little(dictionary.size(), 2) + dictionary + elements;
}
inline std::string npy_dictionary(std::string const& descr, std::string const& shape, bool column_major = false) {
  return "{'descr': '" + descr + "', 'fortran_order': " + (column_major ? "True" : "False") + ", 'shape': " + shape +
         ", }\n";
}

using ZipContents = std::vector<std::pair<std::string, std::string>>;

/// Where an archive can lie.
struct ZipLie {
  std::uint32_t more_size = 0;  ///< added to both sizes in the table of contents
  std::uint32_t more_unpacked = 0;
  std::uint32_t checksum = 0;  ///< flipped bits
  std::uint32_t offset = 0;    ///< of the second entry: this instead
  std::uint16_t method = 0;
};
/// A stored archive.
inline std::string zip_bytes(ZipContents const& contents, ZipLie const& lie = {}) {
  std::string file, directory;
  for (std::size_t i = 0; i < contents.size(); ++i) {
    auto const& [name, data] = contents[i];
    auto const sum = static_cast<std::uint32_t>(
        crc32(0, reinterpret_cast<Bytef const*>(data.data()), static_cast<uInt>(data.size())));
    auto const at = i == 1 && lie.offset > 0 ? lie.offset : static_cast<std::uint32_t>(file.size());
    std::string const common = little(lie.method, 2) + little(0, 4) + little(sum ^ lie.checksum, 4) +
                               little(data.size() + lie.more_size, 4) +
                               little(data.size() + lie.more_size + lie.more_unpacked, 4) + little(name.size(), 2);
    file += "PK\x03\x04" + little(20, 2) + little(0, 2) + common + little(0, 2) + name + data;
    directory += "PK\x01\x02" + little(20, 4) + little(0, 2) + common + little(0, 2) + little(0, 2) + little(0, 8) +
                 little(at, 4) + name;
  }
  std::string const end = "PK\x05\x06" + little(0, 4) + little(contents.size(), 2) + little(contents.size(), 2) +
                          little(directory.size(), 4) + little(file.size(), 4) + little(0, 2);
  return file + directory + end;
}

}  // namespace krate::testing
