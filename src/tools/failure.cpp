// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/failure.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cstring>
#include <new>

#include "krate/core/error.hpp"
#include "tools/suggestion.hpp"

namespace krate::tools {

namespace {

CLI::App const& innermost(CLI::App const& app) {
  auto const* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  return *at;
}

std::vector<std::string> option_names(CLI::App const& app) {
  std::vector<std::string> names;
  for (auto const* option : app.get_options()) {
    for (auto const& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

std::vector<std::string> command_names(CLI::App const& app) {
  std::vector<std::string> names;
  for (auto const* sub : app.get_subcommands([](CLI::App const*) { return true; })) names.push_back(sub->get_name());
  return names;
}

std::string lower_first(std::string text) {
  if (text.size() > 1 && std::islower(static_cast<unsigned char>(text[1]))) {
    text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  }
  return text;
}

// Where a failure is said to be: the command's own words without the program's name.
std::string place(std::string const& command) {
  return command.size() > 6 ? command.substr(6) : "usage";
}

std::string plain_name(std::string name, std::string const& command) {
  if (name == "krate") return place(command);
  if (name.starts_with("krate::")) name.erase(0, 7);
  for (std::size_t at = 0; (at = name.find("::", at)) != name.npos;) name.replace(at, 2, ".");
  return name;
}

std::string unexpected(CLI::App const& at, std::string const& word) {
  bool const is_option = word.size() > 1 && word[0] == '-';
  auto const names = is_option ? option_names(at) : command_names(at);
  std::string const kind = is_option ? "option" : names.empty() ? "argument" : "command";
  std::string text = (kind == "argument" ? "one argument too many: " : "there is no " + kind + " ") + word;
  if (!names.empty()) text += " (the nearest is " + nearest(word.substr(0, word.find('=')), names) + ")";
  return text;
}

}  // namespace

std::string on_one_line(std::string_view text) {
  std::string line;
  for (char const c : text) {
    bool const blank = std::iscntrl(static_cast<unsigned char>(c)) || c == ' ';
    if (!blank) line += c;
    if (blank && !line.empty() && line.back() != ' ') line += ' ';
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

std::string called_command(CLI::App const& app) {
  std::string words = "krate";
  for (auto const* at = &app; !at->get_subcommands().empty();) {
    at = at->get_subcommands().front();
    words += " " + at->get_name();
  }
  return words;
}

Failure describe(std::exception_ptr const& error, std::string const& command) {
  std::string const prefix = "krate: ";
  try {
    std::rethrow_exception(error);
  } catch (Error const& e) {
    // The text begins with where(), a C++ name: "krate::io::File::open" is "io.File.open" to users.
    std::string const text = std::string(e.what()).substr(std::min(e.where().size(), std::strlen(e.what())));
    // A value that cannot be is the caller's: an argument, or a line of a configuration file.
    bool const usage = dynamic_cast<ValueError const*>(&e);
    return {prefix + plain_name(e.where(), command) + on_one_line(text), usage ? usage_exit_code : 1};
  } catch (std::bad_alloc const&) {
    return {prefix + place(command) + ": not enough memory; use a smaller batch or model, or more ranks"};
  } catch (std::exception const& e) {
    if (std::strstr(e.what(), "failed to allocate")) {  // Kokkos says so in an exception of no type of its own
      return {prefix + place(command) + ": " + on_one_line(e.what()) + "; use a smaller batch or model, or more ranks"};
    }
    return {prefix + place(command) + ": " + on_one_line(e.what())};
  } catch (...) {
    return {prefix + place(command) + ": failed with an unknown exception"};
  }
}

Failure describe_usage(CLI::App const& app, CLI::ParseError const& error) {
  std::string const command = called_command(app);
  CLI::App const& at = innermost(app);
  std::string text = lower_first(on_one_line(error.what()));
  auto const extras = app.remaining(true);
  auto const commands = command_names(at);
  if (!extras.empty()) {
    text = on_one_line(unexpected(at, extras.front()));
  } else if (!commands.empty() && dynamic_cast<CLI::RequiredError const*>(&error)) {
    text = "one of " + joined(commands) + " must follow";
  }
  return {"krate: " + place(command) + ": " + text + "; see " + command + " --help", usage_exit_code};
}

}  // namespace krate::tools
