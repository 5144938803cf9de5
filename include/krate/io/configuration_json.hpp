// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>
#include <string_view>

#include "krate/core/configuration.hpp"

namespace krate::io {

/// Named values as one JSON object, as parameter files carry them in their metadata key `config`.
std::string to_json(Configuration const& values);

/// The other way round: numbers, texts and lists of numbers; true and false are 1 and 0. Members of other kinds are
/// left out. @param origin  where the text comes from, for messages
/// @throws IoError if it is no JSON object
Configuration configuration_from_json(std::string_view text, std::string const& origin);

}  // namespace krate::io
