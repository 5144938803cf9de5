// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/options.hpp"

#include <toml++/toml.h>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>

#include "krate/core/error.hpp"
#include "tools/cli.hpp"
#include "tools/suggestion.hpp"

namespace krate::tools {

namespace {

template <class T>
std::optional<T> number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  T value{};
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

std::optional<Pair> pair(std::string_view text) {
  auto const cross = text.find('x');
  auto const rows = number<std::int64_t>(text.substr(0, cross));
  auto const columns = cross == text.npos ? rows : number<std::int64_t>(text.substr(cross + 1));
  if (!rows || !columns) return {};
  return Pair{*rows, *columns};
}

// The text of a flag as a value of the same type as `like`.
std::optional<OptionValue> parsed(std::string const& text, OptionValue const& like) {
  auto const wrap = [](auto const& v) { return v ? std::optional<OptionValue>(*v) : std::nullopt; };
  switch (like.index()) {
    case 0:
      return text == "true"    ? std::optional<OptionValue>(true)
             : text == "false" ? std::optional<OptionValue>(false)
                               : std::nullopt;
    case 1:
      return wrap(number<std::int64_t>(text));
    case 2:
      return wrap(number<double>(text));
    case 3:
      return OptionValue(text);
    default:
      return wrap(pair(text));
  }
}

// The same for a node of a TOML file: no conversions but integers for floating-point numbers and for pairs.
std::optional<OptionValue> parsed(toml::node const& node, OptionValue const& like) {
  switch (like.index()) {
    case 0:
      if (auto const* v = node.as_boolean()) return OptionValue(v->get());
      break;
    case 1:
      if (auto const* v = node.as_integer()) return OptionValue(v->get());
      break;
    case 2:
      if (auto const* v = node.as_floating_point()) return OptionValue(v->get());
      if (auto const* v = node.as_integer()) return OptionValue(static_cast<double>(v->get()));
      break;
    case 3:
      if (auto const* v = node.as_string()) return OptionValue(v->get());
      break;
    default:
      if (auto const* v = node.as_integer()) return OptionValue(Pair{v->get(), v->get()});
      if (auto const* v = node.as_string()) return parsed(v->get(), like);
  }
  return {};
}

std::string toml_string(std::string const& text) {
  std::ostringstream out;
  out << toml::value<std::string>(text);
  return out.str();
}

std::string short_text(double v) {
  char text[40];
  return std::string(text, std::to_chars(text, text + sizeof text, v).ptr);  // reads back to the same bits
}

std::string plain(OptionValue const& value) {
  struct Text {
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(std::int64_t v) const { return std::to_string(v); }
    std::string operator()(double v) const {
      std::string const s = short_text(v);
      return std::isfinite(v) && s.find_first_of(".e") == s.npos ? s + ".0" : s;
    }
    std::string operator()(std::string const& v) const { return v; }
    std::string operator()(Pair v) const {
      return v.rows == v.columns ? std::to_string(v.rows) : std::to_string(v.rows) + "x" + std::to_string(v.columns);
    }
  };
  return std::visit(Text{}, value);
}

}  // namespace

Option& Option::one_of(std::vector<std::string> allowed) {
  return words = std::move(allowed), *this;
}
Option& Option::at_least(double x) {
  return least = x, *this;
}
Option& Option::above(double x) {
  return bound = x, *this;
}
Option& Option::at_most(double x) {
  return most = x, *this;
}
Option& Option::only_for(std::vector<std::string> those) {
  return models = std::move(those), *this;
}
Option& Option::short_flag(char c) {
  return letter = c, *this;
}

std::string Option::key() const {
  std::string text = name;
  std::replace(text.begin(), text.end(), '-', '_');
  return text;
}

char const* Option::type_name() const {
  constexpr char const* names[] = {"true or false", "an integer", "a number", "a text",
                                   "an integer or a text like 3x4"};
  return names[value.index()];
}

Option& OptionTable::append(std::string name, OptionValue value, bool has_value, std::string help) {
  auto option = std::make_unique<Option>();
  option->name = std::move(name);
  option->help = std::move(help);
  option->value = std::move(value);
  option->source = has_value ? Option::Source::fallback : Option::Source::none;
  options_.push_back(std::move(option));
  return *options_.back();
}

void OptionTable::bind(cli::App& app) {
  constexpr char const* kinds[] = {"", "INT", "NUMBER", "TEXT", "INT|AxB"};
  for (auto const& owned : options_) {
    Option& option = *owned;
    std::string const names = (option.letter ? std::string("-") + option.letter + "," : std::string()) + option.flag();
    std::string help = option.help;
    if (!option.words.empty()) help += ": " + joined(option.words);
    if (!option.models.empty()) help += " (only " + joined(option.models) + ")";
    auto const take = [this, &option](std::string const& text) {
      auto const given = parsed(text, option.value);
      if (!given) {
        throw ValueError(command_,
                         option.flag() + " = " + text + ", but it must be " + option.type_name() + "; see --help");
      }
      set(option, *given, Option::Source::flag, option.flag());
    };
    if (std::holds_alternative<bool>(option.value)) {
      app.add_flag_function(
             names + ",!--no-" + option.name, [take](std::int64_t count) { take(count > 0 ? "true" : "false"); }, help)
          ->one_of({"true", "false"});
      continue;
    }
    std::string usage = kinds[option.value.index()];
    if (option.source == Option::Source::fallback && !plain(option.value).empty()) {
      usage += " [" + plain(option.value) + "]";
    }
    app.add_option_function(names, take, help)->option_text(usage);
  }
}

void OptionTable::read_toml(std::string const& path) {
  toml::table table;
  try {
    table = toml::parse_file(path);
  } catch (toml::parse_error const& e) {
    auto const line = e.source().begin.line;
    throw IoError("krate::config", path + (line ? " line " + std::to_string(line) : "") + ": " +
                                       std::string(e.description()) +
                                       " (it is not TOML, or cannot be read); correct it");
  }
  for (auto const& [toml_key, node] : table) {
    std::string const key(toml_key.str());
    std::string const where = path + " line " + std::to_string(node.source().begin.line) + ": " + key;
    auto const at = std::find_if(options_.begin(), options_.end(), [&](auto const& o) { return o->key() == key; });
    if (at == options_.end()) {
      std::vector<std::string> keys;
      for (auto const& o : options_) keys.push_back(o->key());
      throw ValueError("krate::config",
                       where + " is no option (the nearest is " + nearest(key, keys) + "); correct or remove it");
    }
    Option& option = **at;
    auto const given = parsed(node, option.value);
    if (!given) {
      std::ostringstream kind;
      kind << node.type();
      throw ValueError("krate::config",
                       where + " is of type " + kind.str() + ", but it must be " + option.type_name() + "; correct it");
    }
    if (option.source != Option::Source::flag) set(option, *given, Option::Source::file, where);
  }
}

void OptionTable::set(Option& option, OptionValue value, Option::Source source, std::string const& where) const {
  auto const refuse = [&](std::string const& must) {
    throw ValueError(source == Option::Source::file ? "krate::config" : command_,
                     where + " = " + plain(value) + ", but it must be " + must);
  };
  auto const bounds = [&](double x) {
    if (!std::isfinite(x)) refuse("finite");
    if (option.least && x < *option.least) refuse("at least " + short_text(*option.least));
    if (option.bound && x <= *option.bound) refuse("above " + short_text(*option.bound));
    if (option.most && x > *option.most) refuse("at most " + short_text(*option.most));
  };
  if (auto const* v = std::get_if<std::int64_t>(&value)) bounds(static_cast<double>(*v));
  if (auto const* v = std::get_if<double>(&value)) bounds(*v);
  if (auto const* v = std::get_if<Pair>(&value)) {
    bounds(static_cast<double>(v->rows));
    bounds(static_cast<double>(v->columns));
  }
  if (auto const* v = std::get_if<std::string>(&value); v && !option.words.empty()) {
    if (std::find(option.words.begin(), option.words.end(), *v) == option.words.end()) {
      refuse("one of " + joined(option.words) + " (the nearest is " + nearest(*v, option.words) + ")");
    }
  }
  option.value = std::move(value);
  option.source = source;
}

void OptionTable::choose(std::string const& model) {
  model_ = model;
  for (auto const& option : options_) {
    bool const given = option->source == Option::Source::flag || option->source == Option::Source::file;
    if (given && !applies(*option)) {
      throw ValueError(command_, option->flag() + " means nothing to the model " + model + " (it belongs to " +
                                     joined(option->models) + "); remove it");
    }
  }
}

bool OptionTable::applies(Option const& option) const {
  return model_.empty() || option.models.empty() ||
         std::find(option.models.begin(), option.models.end(), model_) != option.models.end();
}

bool OptionTable::applies(std::string const& name) const {
  for (auto const& option : options_)
    if (option->name == name) return applies(*option);
  return false;
}

Option& OptionTable::find(std::string const& name) const {
  for (auto const& option : options_) {
    if (option->name == name) return *option;
  }
  throw ValueError(command_, "there is no option named " + name);
}

bool OptionTable::is_set(std::string const& name) const {
  auto const source = find(name).source;
  return source == Option::Source::flag || source == Option::Source::file;
}

bool OptionTable::has_value(std::string const& name) const {
  return find(name).source != Option::Source::none;
}

OptionValue const& OptionTable::value(std::string const& name) const {
  Option const& option = find(name);
  if (option.source == Option::Source::none) {
    throw ValueError(command_, option.flag() + " is missing (" + option.help + "); give it, or " + option.key() +
                                   " in the TOML file");
  }
  return option.value;
}

void OptionTable::fill(std::string const& name, OptionValue value) {
  Option& option = find(name);
  if (option.source == Option::Source::none) set(option, std::move(value), Option::Source::fallback, option.flag());
}

bool OptionTable::adopt(std::string const& name, OptionValue value) {
  Option& option = find(name);
  if (is_set(name)) return option.value == value;
  set(option, std::move(value), Option::Source::fallback, option.flag());
  return true;
}

std::vector<std::pair<std::string, OptionValue>> OptionTable::values() const {
  std::vector<std::pair<std::string, OptionValue>> found;
  for (auto const& option : options_) {
    if (option->source != Option::Source::none && applies(*option)) found.emplace_back(option->key(), option->value);
  }
  return found;
}

std::string OptionTable::to_toml() const {
  std::string text;
  for (auto const& [key, value] : values()) {
    auto const* pair = std::get_if<Pair>(&value);
    bool const quoted = std::holds_alternative<std::string>(value) || (pair && pair->rows != pair->columns);
    text += key + " = " + (quoted ? toml_string(plain(value)) : plain(value)) + "\n";
  }
  return text;
}

}  // namespace krate::tools
