// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What completing a configuration from shapes needs of the tensors.
#pragma once

#include <string>
#include <vector>

#include "krate/core/error.hpp"
#include "krate/core/require.hpp"
#include "krate/models/official_tensors.hpp"

namespace krate::models {

using Sizes = std::vector<std::size_t>;

/// The extents of a tensor without the axes of 1 in front.
inline Sizes shape_of(char const* where, OfficialTensors const& tensors, std::string const& name, std::size_t axes) {
  auto const* const tensor = tensors.find(name);
  if (!tensor) {
    throw IoError(where, tensors.file().path() + ": has no tensor " + name +
                             ", which every model of this family has; check that --family is the file's");
  }
  Sizes shape = tensor->shape;
  while (shape.size() > axes && shape.front() == 1) shape.erase(shape.begin());
  if (shape.size() != axes) {
    throw IoError(where, tensors.file().path() + ": tensor " + name + " has shape " +
                             krate::impl::shape_text(tensor->shape) + ", expected " + std::to_string(axes) +
                             " axes; check that --family is the file's");
  }
  return shape;
}

inline void set_unless(Configuration& known, char const* name, std::size_t value) {
  if (!known.has(name)) known.set(name, value);
}

/// dim_head, where heads are known, from the rows of a projection.
inline void complete_heads(char const* where, Configuration& known, std::size_t inner) {
  if (!known.has("heads") || known.has("dim_head")) return;
  auto const heads = known.get<std::int64_t>("heads");
  require_value(heads > 0 && inner % static_cast<std::size_t>(heads) == 0, where, "heads", heads,
                ("must divide the rows of the projection, " + std::to_string(inner)).c_str());
  known.set("dim_head", inner / static_cast<std::size_t>(heads));
}

}  // namespace krate::models
