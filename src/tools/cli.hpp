// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What commands say of their arguments. CLI11 stands behind it, in one file: its header costs five seconds wherever it
// is included. Its names are kept, so its manual holds.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace krate::tools::cli {

/// A flag, an option with a value, or a positional argument.
class Option {
 public:
  explicit Option(CLI::Option& native) : native_(&native) {}
  Option* required();
  /// Words for the value in the help.
  Option* option_text(std::string const& text);
  /// What stands between values given as one word.
  Option* delimiter(char character);
  /// Whether a list takes several words at once, or one each time it is named.
  Option* allow_extra_args(bool several);
  Option* one_of(std::vector<std::string> const& words);
  Option* excludes(Option* other);
  /// Whether the user left it out.
  bool empty() const;
  std::string get_name() const;

 private:
  CLI::Option* native_;
};

/// A command and its subcommands. Options and subcommands live as long as it does.
class App {
 public:
  App();
  explicit App(CLI::App& native);
  ~App();
  App(App const&) = delete;
  App& operator=(App const&) = delete;

  App* add_subcommand(std::string const& name, std::string const& description);
  /// T: std::string, double, an integer of 64 bits, or an optional or a vector of one (cli.cpp lists them).
  template <class T>
  Option* add_option(std::string const& names, T& value, std::string const& description);
  Option* add_option_function(std::string const& names, std::function<void(std::string const&)> const& take,
                              std::string const& description);
  Option* add_flag(std::string const& names, bool& value, std::string const& description);
  /// A flag that takes true or false too. @param take  called with how often it was said; negative for false
  Option* add_flag_function(std::string const& names, std::function<void(std::int64_t)> const& take,
                            std::string const& description);
  void footer(std::string const& text);
  void callback(std::function<void()> const& run);
  void require_subcommand(int count);
  /// Runs the callback of the subcommand that the words name. @throws CLI::ParseError
  void parse(std::vector<std::string> words);

  CLI::App& native() const { return *native_; }

 private:
  Option* keep(CLI::Option& option);

  std::unique_ptr<CLI::App> own_;
  CLI::App* native_;
  std::vector<std::unique_ptr<Option>> options_;
  std::vector<std::unique_ptr<App>> subcommands_;
};

}  // namespace krate::tools::cli
