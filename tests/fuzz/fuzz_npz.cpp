// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Any bytes as a NumPy archive: an IoError of one line, or arrays of the sizes that their shapes say.
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "krate/core/error.hpp"
#include "tools/npz.hpp"

namespace {

void require(bool good) {
  if (!good) std::abort();  // what the fuzzer looks for
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  krate::tools::Bytes const archive{"f", size, [=](std::uint64_t begin, std::span<char> out) {
                                      require(begin <= size && out.size() <= size - begin);
                                      if (!out.empty()) std::memcpy(out.data(), data + begin, out.size());
                                    }};
  try {
    for (auto const& array : krate::tools::npz_arrays(archive)) {
      std::size_t count = 1;
      for (auto const extent : array.header.shape) count *= extent;
      require(krate::tools::read_array<float>(archive, array).size() == count);
    }
  } catch (krate::IoError const& error) {
    require(std::string_view(error.what()).find('\n') == std::string_view::npos);
  }
  return 0;
}
