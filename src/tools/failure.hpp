// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From exceptions to the one line that a user sees.
#pragma once

#include <exception>
#include <string>
#include <string_view>

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace krate::tools {

/// How the program ends when it does not succeed.
struct Failure {
  std::string line;  ///< "krate: where: what (why); what to do"
  int exit_code = 1;
};

inline constexpr int usage_exit_code = 2;

/// Line breaks, tabs and control characters become single blanks.
std::string on_one_line(std::string_view text);

/// Any exception. @param command  what was running, for exceptions that do not say where they come from
Failure describe(std::exception_ptr const& error, std::string const& command);

/// Arguments that the command line does not allow.
Failure describe_usage(CLI::App const& app, CLI::ParseError const& error);

/// The words of the subcommand that was called: "krate analyze layers".
std::string called_command(CLI::App const& app);

}  // namespace krate::tools
