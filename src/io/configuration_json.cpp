// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/io/configuration_json.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "krate/core/error.hpp"

namespace krate::io {

namespace {

using nlohmann::ordered_json;

// No deeper than a list in the object: a hostile text makes no deep tree.
ordered_json parsed(std::string_view text) {
  auto const shallow = [](int depth, ordered_json::parse_event_t event, ordered_json const&) {
    using Event = ordered_json::parse_event_t;
    return depth < 2 || (event != Event::object_start && event != Event::array_start);
  };
  return ordered_json::parse(text.begin(), text.end(), shallow, /*allow_exceptions=*/false);
}

void set_list(Configuration& values, std::string const& name, ordered_json const& list) {
  auto const all = [&](auto const& is) { return std::all_of(list.begin(), list.end(), is); };
  if (list.empty() || !all([](auto const& e) { return e.is_number(); })) return;
  if (all([](auto const& e) { return e.is_number_integer(); }))
    values.set(name, Attribute(list.get<std::vector<std::int64_t>>()));
  else
    values.set(name, Attribute(list.get<std::vector<double>>()));
}

}  // namespace

std::string to_json(Configuration const& values) {
  ordered_json object = ordered_json::object();
  for (auto const& [name, value] : values.entries())
    std::visit([&, &key = name](auto const& v) { object[key] = v; }, value);
  return object.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

Configuration configuration_from_json(std::string_view text, std::string const& origin) {
  auto const object = parsed(text);
  if (!object.is_object())
    throw IoError("krate::io::configuration_from_json", origin + " is no JSON object; correct it or leave it out");
  Configuration values(origin);
  for (auto const& [name, value] : object.items()) {
    if (value.is_boolean()) values.set(name, std::int64_t(value.get<bool>()));
    if (value.is_number_integer()) values.set(name, value.get<std::int64_t>());
    if (value.is_number_float()) values.set(name, value.get<double>());
    if (value.is_string()) values.set(name, Attribute(value.get<std::string>()));
    if (value.is_array()) set_list(values, name, value);
  }
  return values;
}

}  // namespace krate::io
