// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/memory.hpp"

#include <fstream>
#include <string>

namespace krate::tools {

namespace {

// A line "NAME:  123 kB" of the process's status.
std::size_t status_bytes(std::string const& name) {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    if (word == name + ":") {
      std::size_t kilobytes = 0;
      status >> kilobytes;
      return 1024 * kilobytes;
    }
    std::getline(status, word);
  }
  return 0;
}

}  // namespace

std::size_t resident_bytes() {
  return status_bytes("VmRSS");
}
std::size_t peak_resident_bytes() {
  return status_bytes("VmHWM");
}
void reset_peak_resident() {
  std::ofstream("/proc/self/clear_refs") << "5";
}

}  // namespace krate::tools
