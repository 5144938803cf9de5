// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <initializer_list>
#include <sstream>
#include <string>

#include "krate/core/error.hpp"

namespace krate {
namespace impl {

/// "[a, b, c]"
template <class Range>
std::string shape_text(Range const& extents) {
  std::string text = "[";
  for (auto const& e : extents) text += (text.size() > 1 ? ", " : "") + std::to_string(e);
  return text + "]";
}

[[noreturn]] void throw_shape(char const* where, char const* name, std::size_t const* found,
                              std::initializer_list<std::size_t> expected, char const* why,
                              std::source_location const& location);

template <class T>
std::string value_text(T const& value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

}  // namespace impl

/// Throws ShapeError unless `view` has these extents. Allocates only on failure.
template <class V>
void require_shape(char const* where, char const* name, V const& view, std::initializer_list<std::size_t> expected,
                   char const* why, std::source_location const& location = std::source_location::current()) {
  std::size_t found[8] = {};
  bool same = expected.size() == V::rank();
  std::size_t i = 0;
  for (std::size_t const e : expected) {
    found[i] = view.extent(i);
    same = same && found[i] == e;
    ++i;
  }
  if (!same) impl::throw_shape(where, name, found, expected, why, location);
}

/// Throws ValueError "where: name = value, but it must … " unless `good`.
template <class T>
void require_value(bool good, char const* where, char const* name, T const& value, char const* must,
                   std::source_location const& location = std::source_location::current()) {
  if (!good)
    throw ValueError(where, std::string(name) + " = " + impl::value_text(value) + ", but it " + must, location);
}

}  // namespace krate
