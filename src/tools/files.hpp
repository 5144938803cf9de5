// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Whole files in memory.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace krate::tools {

/// Writes a file in one step: what was there before stays until all is on the disk.
/// @throws IoError if it cannot be written
void write_file(std::string const& path, std::string_view content);

/// Makes a directory and those above it, where they are not there. @return whether it was not there
/// @throws IoError from `where`
bool make_directories(std::string const& path, char const* where);

/// @throws IoError from `where` with the advice, unless the directory is empty or not there
void require_new_directory(std::string const& path, char const* where, std::string const& advice);

/// Nothing is overwritten by what is made from it. @throws ValueError if `output` is one of the `inputs`
void require_other(std::string const& output, std::initializer_list<std::string> inputs);

/// Reads a file, unpacked if it is gzip's, whatever its name.
/// @throws IoError if it is missing, unreadable, damaged or cut short
std::string read_file(std::string const& path);

/// `path`, or else `path.gz`, whichever exists. @throws IoError if neither does
std::string plain_or_packed(std::string const& path);

}  // namespace krate::tools
