// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/cli.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <optional>

namespace krate::tools::cli {

Option* Option::required() {
  return native_->required(), this;
}
Option* Option::option_text(std::string const& text) {
  return native_->option_text(text), this;
}
Option* Option::delimiter(char character) {
  return native_->delimiter(character), this;
}
Option* Option::allow_extra_args(bool several) {
  return native_->allow_extra_args(several), this;
}
Option* Option::one_of(std::vector<std::string> const& words) {
  return native_->check(CLI::IsMember(words).description("")), this;
}
Option* Option::excludes(Option* other) {
  return native_->excludes(other->native_), this;
}
bool Option::empty() const {
  return native_->empty();
}
std::string Option::get_name() const {
  return native_->get_name();
}

App::App() : own_(std::make_unique<CLI::App>()), native_(own_.get()) {}
App::App(CLI::App& native) : native_(&native) {}
App::~App() = default;

App* App::add_subcommand(std::string const& name, std::string const& description) {
  subcommands_.push_back(std::make_unique<App>(*native_->add_subcommand(name, description)));
  return subcommands_.back().get();
}

Option* App::keep(CLI::Option& option) {
  options_.push_back(std::make_unique<Option>(option));
  return options_.back().get();
}

template <class T>
Option* App::add_option(std::string const& names, T& value, std::string const& description) {
  return keep(*native_->add_option(names, value, description));
}
template Option* App::add_option(std::string const&, std::string&, std::string const&);
template Option* App::add_option(std::string const&, double&, std::string const&);
template Option* App::add_option(std::string const&, std::int64_t&, std::string const&);
template Option* App::add_option(std::string const&, std::size_t&, std::string const&);
template Option* App::add_option(std::string const&, std::optional<double>&, std::string const&);
template Option* App::add_option(std::string const&, std::optional<std::int64_t>&, std::string const&);
template Option* App::add_option(std::string const&, std::vector<std::string>&, std::string const&);
template Option* App::add_option(std::string const&, std::vector<double>&, std::string const&);
template Option* App::add_option(std::string const&, std::vector<std::size_t>&, std::string const&);

Option* App::add_option_function(std::string const& names, std::function<void(std::string const&)> const& take,
                                 std::string const& description) {
  return keep(*native_->add_option_function<std::string>(names, take, description));
}
Option* App::add_flag(std::string const& names, bool& value, std::string const& description) {
  return keep(*native_->add_flag(names, value, description));
}
Option* App::add_flag_function(std::string const& names, std::function<void(std::int64_t)> const& take,
                               std::string const& description) {
  return keep(*native_->add_flag_function(names, take, description));
}

void App::footer(std::string const& text) {
  native_->footer(text);
}
void App::callback(std::function<void()> const& run) {
  native_->callback(run);
}
void App::require_subcommand(int count) {
  native_->require_subcommand(count);
}
void App::parse(std::vector<std::string> words) {
  std::reverse(words.begin(), words.end());  // as CLI11 takes them
  native_->parse(words);
}

}  // namespace krate::tools::cli
