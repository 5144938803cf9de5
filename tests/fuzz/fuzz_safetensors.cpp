// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Any bytes as a safetensors file: an IoError of one line, or tensors that fill the data without overlap.
#include <cstdlib>
#include <string_view>

#include "io/safetensors_header.hpp"
#include "krate/core/error.hpp"
#include "krate/io/configuration_json.hpp"

namespace {

void require(bool good) {
  if (!good) std::abort();  // what the fuzzer looks for
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string_view const file(reinterpret_cast<char const*>(data), size);
  try {
    std::size_t const length = krate::io::safetensors_header_bytes("f", file.substr(0, 8), size);
    auto const header = krate::io::parse_safetensors_header("f", file.substr(8, length), size - 8 - length);
    std::uint64_t end = 0;
    for (auto const& tensor : header.tensors) {
      require(tensor.begin == end);
      end += tensor.bytes();
    }
    require(end == size - 8 - length);
    auto const config = header.metadata.find("config");
    if (config == header.metadata.end()) return 0;
    auto const values = krate::io::configuration_from_json(config->second, "f");
    require(krate::io::configuration_from_json(krate::io::to_json(values), "f").entries().size() ==
            values.entries().size());
  } catch (krate::IoError const& error) {
    require(std::string_view(error.what()).find('\n') == std::string_view::npos);
  }
  return 0;
}
