// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Options that describe a network, where something else describes it: a model file, or the authors' name of a size.
#pragma once

#include <set>

#include "krate/core/configuration.hpp"
#include "tools/options.hpp"

namespace krate::tools {

/// Gives the options of a network the values of a configuration.
/// @param owner  what has them, for messages     @param free  options that may be given otherwise
/// @throws ValueError for an option that was given otherwise
void adopt_network(OptionTable& options, Configuration const& network, std::string const& owner,
                   std::set<std::string> const& free = {});

/// The same from --size, the name that the authors of the chosen model gave one; the data say what is in it besides
/// width, depth and heads. Nothing happens without it. @throws ValueError for a name that is none
void adopt_size(OptionTable& options);

}  // namespace krate::tools
