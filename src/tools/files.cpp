// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/files.hpp"

#include <zlib.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <system_error>

#include "krate/core/error.hpp"
#include "krate/io/atomic_path.hpp"

namespace krate::tools {

namespace {

std::string reason(int error) {
  return std::generic_category().message(error);
}

}  // namespace

void write_file(std::string const& path, std::string_view content) {
  io::AtomicPath target(path);
  target.reserve(content.size());
  std::FILE* const file = std::fopen(target.temporary().c_str(), "wb");
  bool good = file && std::fwrite(content.data(), 1, content.size(), file) == content.size();
  if (file) good = std::fclose(file) == 0 && good;
  if (!good) throw IoError("krate::output", path + ": cannot be written (" + reason(errno) + "); check the disk");
  target.commit(content.size());
}

bool make_directories(std::string const& path, char const* where) {
  std::error_code error;
  bool const made = std::filesystem::create_directories(path, error);
  if (error) {
    throw IoError(where, path + " cannot be made (" + error.message() + "); choose a directory that you may write to");
  }
  return made;
}

void require_new_directory(std::string const& path, char const* where, std::string const& advice) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return;
  if (!std::filesystem::is_directory(path, error))
    throw IoError(where, path + " exists and is no directory; " + advice);
  if (!std::filesystem::is_empty(path, error))
    throw IoError(where, path + " exists and is not empty (nothing is overwritten); " + advice);
}

void require_other(std::string const& output, std::initializer_list<std::string> inputs) {
  for (auto const& input : inputs) {
    std::error_code missing;
    if (std::filesystem::equivalent(output, input, missing))
      throw ValueError("krate::output", output + " is also the input (it would be overwritten); name another output");
  }
}

std::string read_file(std::string const& path) {
  constexpr char const* where = "krate::input";
  if (std::filesystem::is_directory(path))
    throw IoError(where, path + ": is a directory, expected a file; name the file");
  errno = 0;
  std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose_r);
  if (!file) {
    throw IoError(where,
                  path + ": cannot be opened (" + reason(errno ? errno : ENOMEM) + "); check name and permission");
  }
  gzbuffer(file.get(), 1 << 18);
  std::string content, piece(std::size_t(1) << 20, '\0');
  int got = 0;
  while ((got = gzread(file.get(), piece.data(), static_cast<unsigned>(piece.size()))) > 0) {
    content.append(piece, 0, static_cast<std::size_t>(got));
  }
  int error = Z_OK;
  std::string text = gzerror(file.get(), &error);
  if (text.starts_with(path + ": ")) text.erase(0, path.size() + 2);
  int const closed = gzclose_r(file.release());
  if (got < 0 || closed != Z_OK) {
    std::string const why = closed == Z_BUF_ERROR ? "it ends in the middle" : error == Z_ERRNO ? reason(errno) : text;
    throw IoError(where, path + ": cannot be read or unpacked (" + why + "); fetch it again");
  }
  return content;
}

std::string plain_or_packed(std::string const& path) {
  for (auto const& candidate : {path, path + ".gz"}) {
    if (std::filesystem::exists(candidate)) return candidate;
  }
  throw IoError("krate::input", path + ": neither it nor " + path + ".gz is there; check the directory");
}

}  // namespace krate::tools
