// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdlib>
#include <filesystem>

#include "command.hpp"

namespace krate::testing {

/// Starts the command, and kills it after its first checkpoint. @return whether it was killed before it ended
inline bool interrupt(std::string const& out, std::vector<std::string> const& words) {
  std::string command = command_path();
  for (auto const& word : words) command += " '" + word + "'";
  std::string const script = command + " > /dev/null & p=$!; while [ ! -e '" + out + "/checkpoint.h5' ] && kill -0 $p" +
                             " 2> /dev/null; do sleep 0.01; done; kill -9 $p; wait $p 2> /dev/null";
  return std::system(script.c_str()) >= 0 && std::filesystem::exists(out + "/checkpoint.h5");
}

}  // namespace krate::testing
