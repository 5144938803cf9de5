// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Private to hdf5*.cpp: identifiers that close themselves, checked calls, HDF5's own error text.
#pragma once

#include <hdf5.h>

#include <string>
#include <utility>
#include <vector>

#include "krate/core/error.hpp"
#include "krate/io/hdf5.hpp"

namespace krate::io::hdf5 {

/// HDF5's automatic error printing is off while one lives, and then as it was.
class Quiet {
 public:
  Quiet();
  ~Quiet();
  Quiet(Quiet const&) = delete;

 private:
  H5E_auto2_t function_ = nullptr;
  void* data_ = nullptr;
};

/// Owns one HDF5 identifier.
class Handle {
 public:
  Handle() = default;
  Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  ~Handle() { close(); }

  operator hid_t() const { return id_; }  // NOLINT(google-explicit-constructor): it stands for the identifier
  bool valid() const { return id_ >= 0; }
  /// Whether closing succeeded; nothing to close is success.
  bool close() { return id_ < 0 || close_(std::exchange(id_, -1)) >= 0; }

 private:
  hid_t id_ = -1;
  herr_t (*close_)(hid_t) = nullptr;
};

/// What HDF5 says of the call that failed last: the innermost cause, on one line.
std::string error_text();

/// "FILE: OBJECT: what (HDF5: …)" as IoError.
struct Place {
  char const* where;  ///< public function
  std::string file;   ///< as the user named it
  std::string object = {};

  std::string text(std::string const& what) const;
  [[noreturn]] void fail(std::string const& what) const;       ///< found by us
  [[noreturn]] void fail_hdf5(std::string const& what) const;  ///< found by HDF5, whose words follow
  /// Passes the result of an HDF5 call on, negative ones excepted.
  template <class T>
  T check(T result, char const* what) const {
    if (result < 0) fail_hdf5(what);
    return result;
  }
  Handle own(hid_t id, herr_t (*close)(hid_t), char const* what) const { return Handle(check(id, what), close); }
};

/// Link access that follows soft links but no external ones.
Handle link_access(Place const& place);

/// Class, width and sign of a type; and the extents of a space.
DatasetInfo type_info(hid_t type);
std::vector<std::size_t> extents(Place const& place, hid_t space);

/// Attributes, one by one.
Attribute read_attribute(Place const& place, hid_t object, std::string const& name);
void write_attribute(Place const& place, hid_t object, std::string const& name, Attribute const& value);
/// True for the attributes that read_attribute can read.
bool is_readable(hid_t attribute);

}  // namespace krate::io::hdf5
