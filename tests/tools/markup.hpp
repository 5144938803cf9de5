// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>
#include <vector>

namespace krate::testing {

/// Tags nest, attributes are quoted, and & only begins an entity; a document type may come first.
inline bool is_well_formed(std::string const& xml) {
  std::vector<std::string> open;
  for (std::size_t i = xml.rfind("<!DOCTYPE html>", 0) == 0 ? 15 : 0; i < xml.size(); ++i) {
    if (xml[i] == '&' && xml.find(';', i) > i + 6) return false;
    if (xml[i] == '>') return false;
    if (xml[i] != '<') continue;
    std::size_t end = i + 1;
    for (bool quoted = false; end < xml.size() && (quoted || xml[end] != '>'); ++end) quoted ^= xml[end] == '"';
    if (end == xml.size()) return false;
    std::string const tag = xml.substr(i + 1, end - i - 1);
    std::string const name = tag.substr(tag[0] == '/', tag.find_first_of(" /", 1) - (tag[0] == '/'));
    if (tag[0] == '/') {
      if (open.empty() || open.back() != name) return false;
      open.pop_back();
    } else if (tag.back() != '/') {
      open.push_back(name);
    }
    i = end;
  }
  return open.empty();
}

}  // namespace krate::testing
