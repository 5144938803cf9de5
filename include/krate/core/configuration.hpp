// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace krate {

/// What an HDF5 attribute can hold here. Any integer, boolean, floating type and string of a file is read as one of
/// these.
using Attribute = std::variant<std::int64_t, double, std::string, std::vector<std::int64_t>, std::vector<double>>;

/// Named values in a fixed order: the hyper-parameters of a model, the state of a training run, the attributes of a
/// group.
class Configuration {
 public:
  struct Entry {
    std::string name;
    Attribute value;
    bool operator==(Entry const&) const = default;
  };

  Configuration() = default;
  /// @param origin  where the values come from, for messages: "file.h5: /config"
  explicit Configuration(std::string origin) : origin_(std::move(origin)) {}

  /// Replaces the value of a name, or appends it.
  void set(std::string_view name, Attribute value);
  template <std::integral T>
  void set(std::string_view name, T value) {
    set(name, Attribute(static_cast<std::int64_t>(value)));
  }
  template <std::floating_point T>
  void set(std::string_view name, T value) {
    set(name, Attribute(static_cast<double>(value)));
  }
  void set(std::string_view name, char const* value) { set(name, Attribute(std::string(value))); }
  void set(std::string_view name, std::vector<std::size_t> const& value) {
    set(name, Attribute(std::vector<std::int64_t>(value.begin(), value.end())));
  }

  bool has(std::string_view name) const { return find(name) != nullptr; }
  /// The value as T: std::int64_t, double, std::string or a vector of the first two. Integers serve as doubles, and a
  /// number as a vector of one.
  /// @throws ValueError with origin and name if it is missing or of another type
  template <class T>
  T get(std::string_view name) const;
  /// The same, or `otherwise` where there is no such name.
  template <class T>
  T get(std::string_view name, T const& otherwise) const {
    return has(name) ? get<T>(name) : otherwise;
  }

  std::span<Entry const> entries() const { return entries_; }
  std::string const& origin() const { return origin_; }
  bool operator==(Configuration const& other) const { return entries_ == other.entries_; }

 private:
  Attribute const* find(std::string_view name) const;

  std::string origin_ = "configuration";
  std::vector<Entry> entries_;
};

}  // namespace krate
