// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/core/configuration.hpp"

#include "krate/core/error.hpp"

namespace krate {

Attribute const* Configuration::find(std::string_view name) const {
  for (auto const& entry : entries_) {
    if (entry.name == name) return &entry.value;
  }
  return nullptr;
}

void Configuration::set(std::string_view name, Attribute value) {
  for (auto& entry : entries_) {
    if (entry.name == name) {
      entry.value = std::move(value);
      return;
    }
  }
  entries_.push_back({std::string(name), std::move(value)});
}

namespace {

constexpr char const* kind_text[] = {"an integer", "a number", "text", "a list of integers", "a list of numbers"};

// Whether `value` serves as a T, and the result.
bool serves(Attribute const& value, std::int64_t& out) {
  auto const* v = std::get_if<std::int64_t>(&value);
  if (v) out = *v;
  return v;
}
bool serves(Attribute const& value, double& out) {
  std::int64_t integer = 0;
  if (serves(value, integer)) {
    out = static_cast<double>(integer);
    return true;
  }
  auto const* v = std::get_if<double>(&value);
  if (v) out = *v;
  return v;
}
bool serves(Attribute const& value, std::string& out) {
  auto const* v = std::get_if<std::string>(&value);
  if (v) out = *v;
  return v;
}
bool serves(Attribute const& value, std::vector<std::int64_t>& out) {
  std::int64_t one = 0;
  if (serves(value, one)) {
    out = {one};
    return true;
  }
  auto const* v = std::get_if<std::vector<std::int64_t>>(&value);
  if (v) out = *v;
  return v;
}
bool serves(Attribute const& value, std::vector<double>& out) {
  double one = 0;
  std::vector<std::int64_t> integers;
  if (serves(value, one)) {
    out = {one};
    return true;
  }
  if (serves(value, integers)) {
    out.assign(integers.begin(), integers.end());
    return true;
  }
  auto const* v = std::get_if<std::vector<double>>(&value);
  if (v) out = *v;
  return v;
}

}  // namespace

template <class T>
T Configuration::get(std::string_view name) const {
  constexpr char const* where = "krate::Configuration::get";
  Attribute const* value = find(name);
  if (!value) {
    throw ValueError(where,
                     origin_ + " has no attribute '" + std::string(name) + "'; add it, or take a file that has it");
  }
  T out{};
  if (!serves(*value, out)) {
    throw ValueError(where, origin_ + ": attribute '" + std::string(name) + "' is " + kind_text[value->index()] +
                                ", expected " + kind_text[Attribute(T{}).index()]);
  }
  return out;
}

template std::int64_t Configuration::get(std::string_view) const;
template double Configuration::get(std::string_view) const;
template std::string Configuration::get(std::string_view) const;
template std::vector<std::int64_t> Configuration::get(std::string_view) const;
template std::vector<double> Configuration::get(std::string_view) const;

}  // namespace krate
