// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/run_directory.hpp"

#include <filesystem>

#include "krate/io/checkpoint.hpp"
#include "tools/files.hpp"

namespace krate::tools {

namespace fs = std::filesystem;

RunDirectory::RunDirectory(std::string const& run, std::string const& config)
    : run_(run), made_(make_directories(run, "krate::train")) {
  try {
    write_file(run + "/config.toml", config);
  } catch (...) {
    remove();
    throw;
  }
}

void RunDirectory::write_from(std::string const& json) const {
  write_file(run_ + "/from.json", json);
}

RunDirectory::~RunDirectory() {
  if (!kept_ && io::list_checkpoints(run_ + "/checkpoints").empty()) remove();
}

void RunDirectory::remove() const {
  std::error_code ignored;
  for (auto const* name : {"/config.toml", "/metrics.csv", "/from.json", "/checkpoints", "/model.h5", "/summary.json"})
    fs::remove(run_ + name, ignored);
  if (made_) fs::remove(run_, ignored);
}

}  // namespace krate::tools
