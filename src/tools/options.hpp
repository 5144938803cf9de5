// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One table of options, from which flags, the TOML reader and the TOML writer follow.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace krate::tools {

namespace cli {
class App;
}

/// Two sizes, written "3x4", or "4" where both are equal.
struct Pair {
  std::int64_t rows = 0, columns = 0;
  bool operator==(Pair const&) const = default;
};

/// What an option can hold. Floating-point options take integers too.
using OptionValue = std::variant<bool, std::int64_t, double, std::string, Pair>;

/// One option: flag `--some-name`, key `some_name`. The functions return the option, to be chained behind add().
class Option {
 public:
  Option& one_of(std::vector<std::string> words);
  Option& at_least(double least);
  Option& above(double bound);
  Option& at_most(double most);
  /// The option means nothing to other models: OptionTable::choose refuses it there.
  Option& only_for(std::vector<std::string> models);
  /// A one-letter flag beside the long one, e.g. 'o'.
  Option& short_flag(char letter);

 private:
  friend class OptionTable;
  enum class Source { none, fallback, file, flag };

  std::string flag() const { return "--" + name; }
  std::string key() const;
  char const* type_name() const;

  std::string name, help;
  OptionValue value;  // also carries the type, whatever the source
  Source source = Source::none;
  std::vector<std::string> words, models;
  std::optional<double> least, bound, most;
  char letter = 0;
};

/// Options in a fixed order. Flags win over the TOML file, the file over defaults.
class OptionTable {
 public:
  /// @param command  for messages: "krate::train"
  explicit OptionTable(std::string command) : command_(std::move(command)) {}

  /// T: bool, std::int64_t, double, std::string or Pair. Without a fallback the option has no value until one is given.
  template <class T>
  Option& add(std::string name, std::type_identity_t<std::optional<T>> fallback, std::string help) {
    return append(std::move(name), OptionValue(fallback.value_or(T{})), fallback.has_value(), std::move(help));
  }

  /// Makes the flags of all options. The table must outlive the app.
  void bind(cli::App& app);

  /// Takes values from a flat TOML file, except where a flag gave one.
  /// @throws IoError if it cannot be read or is not TOML; ValueError for unknown keys and wrong types
  void read_toml(std::string const& path);

  /// Says which model is meant: options that it does not have are errors if they were given, and are left out of
  /// to_toml().
  void choose(std::string const& model);

  /// True if a flag or the file gave the value.
  bool is_set(std::string const& name) const;
  bool has_value(std::string const& name) const;
  /// T as in add(), or any integer type for std::int64_t. @throws ValueError if there is no value
  template <class T>
  T get(std::string const& name) const {
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
      return static_cast<T>(std::get<std::int64_t>(value(name)));
    } else {
      return std::get<T>(value(name));
    }
  }
  /// Fills in a value that depends on others, where none was given: as a default does.
  template <class T>
  void resolve(std::string const& name, std::type_identity_t<T> fallback) {
    fill(name, OptionValue(T(std::move(fallback))));
  }

  /// Takes a value from elsewhere. @return false, and changes nothing, if another one was given
  bool adopt(std::string const& name, OptionValue value);
  /// Whether there is such an option and the chosen model has it.
  bool applies(std::string const& name) const;

  /// All values, defaults included, by TOML key.
  std::vector<std::pair<std::string, OptionValue>> values() const;

  /// All values, defaults included, as the text of a TOML file that read_toml() takes back.
  std::string to_toml() const;

 private:
  Option& append(std::string name, OptionValue value, bool has_value, std::string help);
  Option& find(std::string const& name) const;
  OptionValue const& value(std::string const& name) const;
  void fill(std::string const& name, OptionValue value);
  void set(Option& option, OptionValue value, Option::Source source, std::string const& where) const;
  bool applies(Option const& option) const;

  std::string command_, model_;
  std::vector<std::unique_ptr<Option>> options_;  // their addresses stay: flags point to them
};

}  // namespace krate::tools
