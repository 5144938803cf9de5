// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The families of models whose parameters krate exchanges with the authors' programs.
#pragma once

#include <string>

#include "krate/io/checkpoint.hpp"
#include "krate/models/crate_config.hpp"
#include "krate/models/exchange.hpp"
#include "tools/context.hpp"

namespace krate::tools {

struct ImportRequest {
  io::TensorFile const& file;
  Configuration flags;                        ///< what was given on the command line, by the names of the configuration
  std::optional<models::Extent2> resolution;  ///< of images that the model will see; none: that of the file
  std::string output;
};
struct ImportSummary {
  Configuration config{};
  std::size_t parameters = 0, tensors = 0, buffers = 0;
  bool joined = false;  ///< two linear maps became one
};
struct ExportRequest {
  io::CheckpointReader const& file;
  std::optional<io::TensorType> type;  ///< of all tensors; none: as they were
  std::string output;
};
struct ExportSummary {
  std::size_t parameters = 0, tensors = 0;
  models::TensorTypes types{};
};

/// One family. Adding one is a line in family.cpp.
struct Family {
  char const* name;
  ImportSummary (*import)(Context&, ImportRequest const&);  ///< null: not built yet
  ExportSummary (*write)(Context&, ExportRequest const&);
};

/// @throws ValueError for a name that is none; NotBuiltError for one that is not built yet
Family const& family_named(std::string const& name);
/// "crate, crate_mae, ..."
std::string family_names();

}  // namespace krate::tools
