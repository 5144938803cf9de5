// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "hdf5_handle.hpp"

#include <algorithm>
#include <cstring>

namespace krate::io::hdf5 {

Quiet::Quiet() {
  H5Eget_auto2(H5E_DEFAULT, &function_, &data_);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}
Quiet::~Quiet() {
  H5Eset_auto2(H5E_DEFAULT, function_, data_);
}

std::string error_text() {
  std::string text;
  auto const innermost = [](unsigned n, H5E_error2_t const* error, void* data) -> herr_t {
    std::string& found = *static_cast<std::string*>(data);
    if (!error->desc) return 0;
    if (n == 0) found = error->desc;
    if (n == 1 && found.starts_with("MPI_")) found += std::string(": ") + error->desc;  // MPI's words come second
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, innermost, &text);
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 32 || c == 127; }, ' ');
  return text.empty() ? "no reason given" : text.substr(0, 300);
}

std::string Place::text(std::string const& what) const {
  return file + ": " + (object.empty() ? "" : object + ": ") + what;
}
void Place::fail(std::string const& what) const {
  throw IoError(where, text(what));
}
void Place::fail_hdf5(std::string const& what) const {
  fail(what + " (HDF5: " + error_text() + ")");
}

Handle link_access(Place const& place) {
  Handle list = place.own(H5Pcreate(H5P_LINK_ACCESS), H5Pclose, "cannot make a property list");
  auto const refuse = [](char const*, char const*, char const*, char const*, unsigned*, hid_t, void*) -> herr_t {
    return -1;
  };
  place.check(H5Pset_elink_cb(list, refuse, nullptr), "cannot refuse external links");
  return list;
}

DatasetInfo type_info(hid_t type) {
  DatasetInfo info;
  info.element_bytes = H5Tget_size(type);
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      info.element = ElementClass::integer;
      break;
    case H5T_FLOAT:
      info.element = ElementClass::floating;
      break;
    case H5T_STRING:
      info.element = ElementClass::text;
      break;
    case H5T_ENUM: {
      info.element = ElementClass::integer;
      Handle const base(H5Tget_super(type), H5Tclose);
      info.is_signed = H5Tget_sign(base) == H5T_SGN_2;
      return info;
    }
    default:
      break;
  }
  info.is_signed = info.element == ElementClass::floating || H5Tget_sign(type) == H5T_SGN_2;
  return info;
}

std::vector<std::size_t> extents(Place const& place, hid_t space) {
  H5S_class_t const kind = H5Sget_simple_extent_type(space);
  if (kind == H5S_NULL) place.fail("is empty (a null dataspace), expected numbers");
  if (kind == H5S_NO_CLASS) place.fail_hdf5("has no readable shape");
  int const rank = place.check(H5Sget_simple_extent_ndims(space), "has no readable shape");
  std::vector<hsize_t> found(static_cast<std::size_t>(rank));
  place.check(H5Sget_simple_extent_dims(space, found.data(), nullptr), "has no readable shape");
  return {found.begin(), found.end()};
}

namespace {

constexpr hssize_t longest_attribute = 1 << 20;  // elements

std::string read_text(Place const& place, hid_t attribute, hid_t type) {
  char const* const cannot = "the text cannot be read";
  if (place.check(H5Tis_variable_str(type), cannot)) {
    Handle const memory = place.own(H5Tcopy(type), H5Tclose, cannot);
    char* text = nullptr;
    place.check(H5Aread(attribute, memory, &text), cannot);
    std::string const result = text ? text : "";
    H5free_memory(text);
    return result;
  }
  std::size_t const size = H5Tget_size(type);
  if (size > static_cast<std::size_t>(longest_attribute))
    place.fail("is a text of " + std::to_string(size) + " bytes, too long");
  std::string text(size, '\0');
  place.check(H5Aread(attribute, type, text.data()), cannot);
  if (H5Tget_strpad(type) == H5T_STR_SPACEPAD) text.erase(text.find_last_not_of(' ') + 1);
  return text.substr(0, text.find('\0'));
}

template <class T>
Attribute read_numbers(Place const& place, hid_t attribute, hid_t memory, std::size_t count, bool scalar) {
  std::vector<T> values(count);
  if (count) place.check(H5Aread(attribute, memory, values.data()), "the numbers cannot be read");
  return scalar ? Attribute(values[0]) : Attribute(std::move(values));
}

}  // namespace

bool is_readable(hid_t attribute) {
  Handle const type(H5Aget_type(attribute), H5Tclose), space(H5Aget_space(attribute), H5Sclose);
  if (!type.valid() || !space.valid() || H5Sget_simple_extent_type(space) == H5S_NULL) return false;
  hssize_t const count = H5Sget_simple_extent_npoints(space);
  ElementClass const element = type_info(type).element;
  if (count < 0 || count > longest_attribute || element == ElementClass::other) return false;
  return element != ElementClass::text || count == 1;
}

Attribute read_attribute(Place const& place, hid_t object, std::string const& name) {
  Handle const attribute = place.own(H5Aopen(object, name.c_str(), H5P_DEFAULT), H5Aclose, "cannot be opened");
  if (!is_readable(attribute)) place.fail("is neither a number, a list of numbers nor a text");
  Handle const type = place.own(H5Aget_type(attribute), H5Tclose, "has no readable type");
  Handle const space = place.own(H5Aget_space(attribute), H5Sclose, "has no readable shape");
  std::vector<std::size_t> const shape = extents(place, space);
  auto const count = static_cast<std::size_t>(H5Sget_simple_extent_npoints(space));
  ElementClass const element = type_info(type).element;
  if (element == ElementClass::text) return read_text(place, attribute, type);
  if (element == ElementClass::integer)
    return read_numbers<std::int64_t>(place, attribute, H5T_NATIVE_INT64, count, shape.empty());
  return read_numbers<double>(place, attribute, H5T_NATIVE_DOUBLE, count, shape.empty());
}

void write_attribute(Place const& place, hid_t object, std::string const& name, Attribute const& value) {
  auto const put = [&](hid_t file_type, hid_t memory_type, Handle const& space, void const* data, bool empty) {
    Handle const attribute = place.own(H5Acreate2(object, name.c_str(), file_type, space, H5P_DEFAULT, H5P_DEFAULT),
                                       H5Aclose, "cannot be made");
    if (!empty) place.check(H5Awrite(attribute, memory_type, data), "cannot be written");
  };
  auto const scalar = [&] { return place.own(H5Screate(H5S_SCALAR), H5Sclose, "cannot be shaped"); };
  auto const list = [&](hsize_t count) {
    return place.own(H5Screate_simple(1, &count, nullptr), H5Sclose, "cannot be shaped");
  };
  if (auto const* v = std::get_if<std::int64_t>(&value)) put(H5T_STD_I64LE, H5T_NATIVE_INT64, scalar(), v, false);
  if (auto const* v = std::get_if<double>(&value)) put(H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, scalar(), v, false);
  if (auto const* v = std::get_if<std::vector<std::int64_t>>(&value))
    put(H5T_STD_I64LE, H5T_NATIVE_INT64, list(v->size()), v->data(), v->empty());
  if (auto const* v = std::get_if<std::vector<double>>(&value))
    put(H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, list(v->size()), v->data(), v->empty());
  if (auto const* v = std::get_if<std::string>(&value)) {
    Handle const type = place.own(H5Tcopy(H5T_C_S1), H5Tclose, "has no type");
    place.check(H5Tset_size(type, std::max<std::size_t>(1, v->size())), "is too long");
    place.check(H5Tset_strpad(type, H5T_STR_NULLPAD), "has no type");
    place.check(H5Tset_cset(type, H5T_CSET_UTF8), "has no type");
    put(type, type, scalar(), v->c_str(), false);
  }
}

}  // namespace krate::io::hdf5
