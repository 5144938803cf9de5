// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reads zip archives: entries that are stored or deflated, below 4 GiB.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace krate::tools {

/// Bytes of a file, or of memory.
struct Bytes {
  std::string origin;  ///< for messages
  std::uint64_t size = 0;
  std::function<void(std::uint64_t begin, std::span<char> out)> read;  ///< within `size`
};
/// @throws IoError if it cannot be opened, or is no regular file
Bytes bytes_of_file(std::string const& path);

struct ZipEntry {
  std::string name;
  bool deflated = false;
  std::uint32_t checksum = 0;
  std::uint64_t begin = 0, packed = 0, size = 0;  ///< where its data begins; bytes there, and of the entry
};

/// The archive's table of contents, checked as if someone wished harm: entries lie inside, do not overlap, and cannot
/// be larger than what their bytes may unpack to.
/// @throws IoError for all that is wrong
std::vector<ZipEntry> zip_entries(Bytes const& archive);

/// The first bytes of an entry, as many as `out` takes; its checksum is compared where that is all of it.
/// @throws IoError if it is damaged
void unpack(Bytes const& archive, ZipEntry const& entry, std::span<char> out);

}  // namespace krate::tools
