// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/result_directory.hpp"

#include <filesystem>

#include "krate/core/error.hpp"

namespace krate::tools {

void require_new(std::string const& directory, char const* where) {
  std::error_code error;
  if (!std::filesystem::exists(directory, error)) return;
  if (!std::filesystem::is_directory(directory, error))
    throw IoError(where, directory + " exists and is no directory; choose another DIR");
  if (!std::filesystem::is_empty(directory, error))
    throw IoError(where, directory + " exists and is not empty (results are never overwritten); choose another DIR");
}

}  // namespace krate::tools
