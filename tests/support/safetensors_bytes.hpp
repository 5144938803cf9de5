// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Safetensors files, good and bad, byte by byte.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace krate::testing {

inline std::string little_endian(std::uint64_t value) {
  std::string bytes;
  for (int i = 0; i < 8; ++i, value >>= 8) bytes += static_cast<char>(value & 0xff);
  return bytes;
}

/// A file with this header and as many zero bytes of data.
inline std::string safetensors_bytes(std::string const& header, std::size_t data = 0) {
  return little_endian(header.size()) + header + std::string(data, '\0');
}

struct BadSafetensors {
  std::string name, bytes, part;  ///< what the error must say
};

/// The ways in which a header can lie.
inline std::vector<BadSafetensors> bad_safetensors() {
  auto const tensor = [](std::string const& dtype, std::string const& shape, std::string const& offsets) {
    return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
  };
  auto const one = [&](std::string const& shape, std::string const& offsets, std::size_t data) {
    return safetensors_bytes(R"({"a":)" + tensor("F32", shape, offsets) + "}", data);
  };
  auto const two = [&](std::string const& first, std::string const& second, std::size_t data) {
    return safetensors_bytes(R"({"a":)" + tensor("F32", "[2]", first) + R"(,"b":)" + tensor("F32", "[2]", second) + "}",
                             data);
  };
  std::string deep = R"({"a":{"shape":)";
  deep += std::string(100000, '[');
  std::string objects = R"({"a":{"dtype":)";
  for (int i = 0; i < 50000; ++i) objects += R"({"dtype":)";
  std::string axes = "[1";
  for (int i = 0; i < 40; ++i) axes += ",1";
  std::string const good = one("[2,3]", "[0,24]", 24);
  return {
      {"empty", "", "has 0 bytes"},
      {"seven", "1234567", "has 7 bytes"},
      {"no_header", little_endian(0), "is no JSON"},
      {"beyond", little_endian(1000) + "{}", "should have 1000 bytes, but only 2"},
      {"beyond_63", little_endian(std::uint64_t(1) << 63) + "{}", "should have 9223372036854775808 bytes"},
      {"beyond_64", little_endian(~std::uint64_t(0)) + "{}", "should have 18446744073709551615 bytes"},
      {"text", std::string(500, 'a'), "is no safetensors file"},
      {"no_json", safetensors_bytes("{\"a\": nonsense}"), "is no JSON"},
      {"behind", safetensors_bytes("{} x"), "is no JSON"},
      {"not_closed", safetensors_bytes("{\"a\":{"), "is no JSON"},
      {"not_utf8", safetensors_bytes("{\"\xff\xfe\":{}}"), "is no JSON in UTF-8"},
      {"list", safetensors_bytes("[]"), "begins with a list"},
      {"number", safetensors_bytes("7"), "begins with a number"},
      {"deep_lists", safetensors_bytes(deep), "expected a list of whole numbers"},
      {"deep_objects", safetensors_bytes(objects), "as an object, expected a text"},
      {"no_object", safetensors_bytes(R"({"a":7})"), "'a' as a number"},
      {"null", safetensors_bytes(R"({"a":null})"), "'a' as null"},
      {"no_dtype", safetensors_bytes(R"({"a":{"shape":[],"data_offsets":[0,0]}})"), "has no dtype"},
      {"no_shape", safetensors_bytes(R"({"a":{"dtype":"F32","data_offsets":[0,0]}})"), "has no shape"},
      {"no_offsets", safetensors_bytes(R"({"a":{"dtype":"F32","shape":[]}})"), "has no data_offsets"},
      {"other_field", safetensors_bytes(R"({"a":{"stride":[1]}})"), "field 'stride'"},
      {"field_twice", safetensors_bytes(R"({"a":{"shape":[1],"shape":[1]}})"), "field shape twice"},
      {"name_twice",
       safetensors_bytes(R"({"a":)" + tensor("F32", "[1]", "[0,4]") + R"(,"a":)" + tensor("F32", "[1]", "[4,8]") + "}",
                         8),
       "the name 'a' twice"},
      {"metadata_twice", safetensors_bytes(R"({"__metadata__":{"k":"1","k":"2"}})"), "the key 'k' twice"},
      {"metadata_number", safetensors_bytes(R"({"__metadata__":{"k":1}})"), "expected a text"},
      {"metadata_list", safetensors_bytes(R"({"__metadata__":[]})"), "expected an object"},
      {"dtype_number", safetensors_bytes(R"({"a":{"dtype":32}})"), "expected a text"},
      {"dtype_unknown", safetensors_bytes(R"({"a":{"dtype":"F8_E4M3"}})"), "dtype 'F8_E4M3'"},
      {"dtype_lower", safetensors_bytes(R"({"a":{"dtype":"f32"}})"), "dtype 'f32'"},
      {"shape_text", safetensors_bytes(R"({"a":{"shape":"[2]"}})"), "expected a list"},
      {"shape_negative", one("[-2,3]", "[0,24]", 24), "a negative number"},
      {"shape_fraction", one("[2.5,3]", "[0,24]", 24), "a number with a fraction"},
      {"shape_2_64", one("[18446744073709551616]", "[0,24]", 24), "beyond 2^64"},
      {"shape_nested", one("[[2,3]]", "[0,24]", 24), "as a list"},
      {"shape_axes", one(axes, "[0,4]", 4), "more than 32 numbers"},
      {"shape_other", one("[2,4]", "[0,24]", 24), "24 bytes, but its shape and dtype make 32"},
      {"shape_overflow", one("[4294967296,4294967296]", "[0,24]", 24), "impossible shape"},
      {"shape_wraps", one("[4611686018427387905]", "[0,4]", 4), "impossible shape"},
      {"offsets_one", one("[2,3]", "[24]", 24), "no [begin, end]"},
      {"offsets_three", one("[2,3]", "[0,24,24]", 24), "more than 2 numbers"},
      {"offsets_turned", one("[2,3]", "[24,0]", 24), "no [begin, end]"},
      {"offsets_negative", one("[2,3]", "[-24,0]", 24), "a negative number"},
      {"offsets_beyond", one("[2,3]", "[0,24]", 20), "ends at byte 24 of 20"},
      {"offsets_huge", one("[2305843009213693952]", "[0,9223372036854775808]", 24), "ends at byte 9223372036854775808"},
      {"offsets_max", one("[6]", "[18446744073709551591,18446744073709551615]", 24), "ends at byte"},
      {"overlap", two("[0,8]", "[4,12]", 12), "they overlap"},
      {"same_bytes", two("[0,8]", "[0,8]", 8), "they overlap"},
      {"hole", two("[0,8]", "[12,20]", 20), "there is a hole"},
      {"hole_first", one("[2,3]", "[8,32]", 32), "there is a hole"},
      {"more_data", one("[2,3]", "[0,24]", 25), "1 bytes behind its last tensor"},
      {"cut_in_data", good.substr(0, good.size() - 1), "cut short"},
      {"cut_in_header", good.substr(0, 40), "cut short"},
      {"long_name", safetensors_bytes("{\"" + std::string(100000, 'n') + "\":7}"), "nnn...'"},
      {"control_name", safetensors_bytes(R"({"a\n\u001b[31m":7})"), "a??[31m"},
  };
}

}  // namespace krate::testing
