// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Just enough of C++ to look at calls.
#pragma once

#include <cstddef>
#include <regex>
#include <string>
#include <vector>

namespace krate::source {

/// The text with comments and the contents of literals blanked out, line by line as it was. Of a literal that begins
/// with "krate::", a label, that much stays; of #include lines everything does.
std::string stripped(std::string const& text);

/// The line, from 1, of a position.
std::size_t line_of(std::string const& code, std::size_t at);

/// What stands between the bracket at `open`, one of ( and {, and its partner, cut at its outermost commas. Nothing for
/// a bracket without a partner.
std::vector<std::string> arguments(std::string const& code, std::size_t open);

/// The position behind the > that belongs to the < at `open`; npos if there is none.
std::size_t template_end(std::string const& code, std::size_t open);

struct Call {
  std::string name;  ///< as written, template arguments aside
  std::size_t at;
  std::vector<std::string> arguments;
};
/// Calls and constructions whose name matches: `name(…)`, `name{…}`, `name<…>(…)`, and, as for a declared variable,
/// `name<…> const variable(…)`.
std::vector<Call> calls(std::string const& code, std::regex const& name);

}  // namespace krate::source
