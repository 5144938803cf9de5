// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/zip.hpp"

#include <zlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>

#include "krate/core/error.hpp"

namespace krate::tools {

namespace {

constexpr std::size_t end_bytes = 22, directory_bytes = 46, local_bytes = 30, most_comment = 65535;
constexpr std::uint64_t best_ratio = 1032;  // of deflate

[[noreturn]] void fail_zip(std::string const& origin, std::string const& what) {
  throw IoError("krate::import", origin + ": " + what + "; take another copy of the file");
}

std::uint64_t number(std::string const& bytes, std::size_t at, int width) {
  std::uint64_t value = 0;
  for (int i = width; i-- > 0;)
    value = value << 8 | static_cast<unsigned char>(bytes[at + static_cast<std::size_t>(i)]);
  return value;
}

std::string piece(Bytes const& archive, std::uint64_t begin, std::uint64_t count) {
  if (begin > archive.size || count > archive.size - begin)
    fail_zip(archive.origin, "is a zip archive that was cut short");
  std::string text(count, '\0');
  archive.read(begin, text);
  return text;
}

std::string shown(std::string const& name) {
  std::string text;
  for (char const c : name.substr(0, 100)) text += c >= ' ' && c <= '~' ? c : '?';
  return text;
}

/// Where the entry's data begins: behind a header whose length only itself tells.
std::uint64_t data_of(Bytes const& archive, std::uint64_t local, ZipEntry const& entry) {
  auto const header = piece(archive, local, local_bytes);
  auto const names = number(header, 26, 2);
  if (!header.starts_with("PK\x03\x04") || names != entry.name.size() ||
      piece(archive, local + local_bytes, names) != entry.name)
    fail_zip(archive.origin, "entry " + shown(entry.name) + " is not where the table of contents says");
  return local + local_bytes + names + number(header, 28, 2);
}

}  // namespace

Bytes bytes_of_file(std::string const& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error))
    throw IoError("krate::import", path + ": no such file, or no regular one; check the name");
  auto const file = std::make_shared<std::ifstream>(path, std::ios::binary);
  auto const size = std::filesystem::file_size(path, error);
  if (error || !*file) throw IoError("krate::import", path + ": cannot be opened; check name and permission");
  return {path, size, [file, path](std::uint64_t begin, std::span<char> out) {
            file->clear();
            file->seekg(static_cast<std::streamoff>(begin));
            if (!file->read(out.data(), static_cast<std::streamsize>(out.size())))
              fail_zip(path, "cannot be read to its end");
          }};
}

std::vector<ZipEntry> zip_entries(Bytes const& archive) {
  auto const tail_size = std::min<std::uint64_t>(archive.size, end_bytes + most_comment);
  auto const tail = piece(archive, archive.size - tail_size, tail_size);
  auto at = tail.rfind("PK\x05\x06");
  while (at != tail.npos && at + end_bytes > tail.size()) at = at > 0 ? tail.rfind("PK\x05\x06", at - 1) : tail.npos;
  if (at == tail.npos) fail_zip(archive.origin, "is no zip archive, or was cut short");
  auto const count = number(tail, at + 10, 2), length = number(tail, at + 12, 4), begin = number(tail, at + 16, 4);
  if (count == 0xffff || length == 0xffffffff || begin == 0xffffffff)
    fail_zip(archive.origin, "is a zip archive of 4 GiB or more (zip64), which krate does not read");
  auto const directory = piece(archive, begin, length);

  std::vector<ZipEntry> entries;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> stretches;
  std::size_t next = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (directory.size() - next < directory_bytes || directory.compare(next, 4, "PK\x01\x02") != 0)
      fail_zip(archive.origin, "its table of contents is damaged");
    auto const field = [&](std::size_t offset, int width) { return number(directory, next + offset, width); };
    auto const names = field(28, 2), behind = field(30, 2) + field(32, 2), method = field(10, 2);
    if (directory.size() - next - directory_bytes < names + behind)
      fail_zip(archive.origin, "its table of contents is damaged");
    ZipEntry entry{directory.substr(next + directory_bytes, names),
                   method == 8,
                   static_cast<std::uint32_t>(field(16, 4)),
                   0,
                   field(20, 4),
                   field(24, 4)};
    std::string const who = "entry " + shown(entry.name);
    if (method != 0 && method != 8) fail_zip(archive.origin, who + " is packed in a way that krate does not read");
    if (field(8, 2) & 1) fail_zip(archive.origin, who + " is encrypted");
    if (entry.size == 0xffffffff || entry.packed == 0xffffffff)
      fail_zip(archive.origin, who + " has 4 GiB or more (zip64), which krate does not read");
    if (entry.deflated ? entry.size > best_ratio * (entry.packed + 1) : entry.size != entry.packed)
      fail_zip(archive.origin, who + " cannot have " + std::to_string(entry.size) + " bytes");
    auto const local = field(42, 4);
    entry.begin = data_of(archive, local, entry);
    if (entry.begin > archive.size || entry.packed > archive.size - entry.begin)
      fail_zip(archive.origin, who + " goes beyond the end of the file");
    stretches.emplace_back(local, entry.begin + entry.packed);
    entries.push_back(std::move(entry));
    next += directory_bytes + names + behind;
  }
  std::sort(stretches.begin(), stretches.end());
  for (std::size_t i = 1; i < stretches.size(); ++i)
    if (stretches[i].first < stretches[i - 1].second) fail_zip(archive.origin, "has entries that overlap");
  return entries;
}

void unpack(Bytes const& archive, ZipEntry const& entry, std::span<char> out) {
  auto const check = [&](bool good) {
    if (!good) fail_zip(archive.origin, "entry " + shown(entry.name) + " is damaged");
  };
  check(out.size() <= entry.size && out.size() <= std::numeric_limits<uInt>::max());
  if (!entry.deflated) {
    archive.read(entry.begin, out);
  } else if (!out.empty()) {
    z_stream stream{};
    check(inflateInit2(&stream, -MAX_WBITS) == Z_OK);
    std::unique_ptr<z_stream, decltype(&inflateEnd)> const ends(&stream, inflateEnd);
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    std::string packed(std::min<std::uint64_t>(entry.packed, 1 << 20), '\0');
    std::uint64_t done = 0;
    int state = Z_OK;
    while (stream.avail_out > 0 && state == Z_OK) {
      auto const some = std::min<std::uint64_t>(packed.size(), entry.packed - done);
      check(some > 0);
      archive.read(entry.begin + done, {packed.data(), some});
      done += some;
      stream.next_in = reinterpret_cast<Bytef*>(packed.data());
      stream.avail_in = static_cast<uInt>(some);
      state = inflate(&stream, Z_NO_FLUSH);
    }
    check((state == Z_OK || state == Z_STREAM_END) && stream.avail_out == 0);
  }
  if (out.size() < entry.size) return;
  auto const sum = crc32(0, reinterpret_cast<Bytef const*>(out.data()), static_cast<uInt>(out.size()));
  check(static_cast<std::uint32_t>(sum) == entry.checksum);
}

}  // namespace krate::tools
