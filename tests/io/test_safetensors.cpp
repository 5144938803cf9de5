// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <signal.h>
#include <sys/resource.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "io/support.hpp"
#include "krate/io/configuration_json.hpp"
#include "krate/io/safetensors.hpp"
#include "support/safetensors_bytes.hpp"

namespace {

using namespace krate::io;
using krate::Configuration;
using krate::IoError;
using krate::NumericalError;
using krate::ShapeError;
using krate::ValueError;
using krate::testing::bad_safetensors;
using krate::testing::in_child;
using krate::testing::read_bytes;
using krate::testing::safetensors_bytes;
using krate::testing::TemporaryDirectory;
using krate::testing::write_bytes;

template <class T>
std::vector<T> values_of(SafetensorsReader const& file, std::string const& name) {
  for (auto const& tensor : file.tensors()) {
    if (tensor.name != name) continue;
    std::vector<T> values(tensor.size());
    file.read<T>(tensor, values);
    return values;
  }
  ADD_FAILURE() << "no tensor " << name;
  return {};
}

std::string bytes_of_half(std::vector<std::uint16_t> const& bits) {
  return {reinterpret_cast<char const*>(bits.data()), bits.size() * 2};
}

template <class T>
bool same_bits(std::vector<T> const& a, std::vector<T> const& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

TEST(Safetensors, TheBytesAreThoseOfTheFormat) {
  TemporaryDirectory const dir;
  SafetensorsWriter file(dir / "a.safetensors",
                         {{"b", TensorType::f32, {2}}, {"a", TensorType::f32, {}}, {"z", TensorType::f64, {1}}},
                         {{"format", "pt"}});
  file.write<float>("b", std::vector<float>{1, -2});
  file.write<double>("a", std::vector<double>{0.5});
  file.write<double>("z", std::vector<double>{3});
  EXPECT_FALSE(std::filesystem::exists(dir / "a.safetensors"));
  file.commit();
  // Wide elements first, then by name; the header ends at a multiple of 8.
  std::string header =
      R"({"__metadata__":{"format":"pt"},"z":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},)"
      R"("a":{"dtype":"F32","shape":[],"data_offsets":[8,12]},"b":{"dtype":"F32","shape":[2],"data_offsets":[12,20]}})";
  header.append((8 - header.size() % 8) % 8, ' ');
  double const z = 3;
  float const rest[] = {0.5f, 1, -2};
  std::string expected = safetensors_bytes(header);
  expected.append(reinterpret_cast<char const*>(&z), 8).append(reinterpret_cast<char const*>(rest), 12);
  EXPECT_EQ(read_bytes(dir / "a.safetensors"), expected);
  EXPECT_EQ(dir.files(), std::vector<std::string>{"a.safetensors"});
}

TEST(Safetensors, RoundTripIsBitEqual) {
  TemporaryDirectory const dir;
  float const nan = std::bit_cast<float>(0x7fa12345u);  // signalling, with a payload
  std::vector<float> const single{0, -0.0f, 1e-45f, 3.4e38f, -INFINITY, nan, 0.1f};
  std::vector<double> const wide{0, -0.0, 5e-324, 1.7e308, INFINITY, 0.1, std::bit_cast<double>(0x7ff4000000000001ull)};
  {
    SafetensorsWriter file(dir / "a", {{"single", TensorType::f32, {7}},
                                       {"wide", TensorType::f64, {7, 1}},
                                       {"none", TensorType::f16, {3, 0}},
                                       {"\u00fc\"\\\n", TensorType::f32, {1}}});
    file.write<float>("single", single);
    file.write<double>("wide", wide);
    file.write<float>("none", {});
    file.write<float>("\u00fc\"\\\n", std::vector<float>{7});
    file.commit();
  }
  SafetensorsReader const file(dir / "a");
  EXPECT_TRUE(same_bits(values_of<float>(file, "single"), single));
  EXPECT_TRUE(same_bits(values_of<double>(file, "wide"), wide));
  EXPECT_EQ(values_of<float>(file, "none").size(), 0u);
  EXPECT_EQ(values_of<float>(file, "\u00fc\"\\\n"), std::vector<float>{7});
}

// Every number of 16 bits comes back from float and from double, NaNs with their payloads.
TEST(Safetensors, HalfTypesWidenExactlyAndNarrowBack) {
  TemporaryDirectory const dir;
  std::vector<std::uint16_t> all(65536);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint16_t>(i);
  for (std::string const type : {"F16", "BF16"}) {
    write_bytes(dir / "a",
                safetensors_bytes(R"({"x":{"dtype":")" + type + R"(","shape":[65536],"data_offsets":[0,131072]}})") +
                    bytes_of_half(all));
    SafetensorsReader const file(dir / "a");
    auto const single = values_of<float>(file, "x");
    auto const wide = values_of<double>(file, "x");
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (std::isnan(wide[i])) continue;
      ASSERT_EQ(static_cast<double>(single[i]), wide[i]) << type << " " << i;
      double const sign = i >> 15 ? -1 : 1;
      int const mantissa = type == "F16" ? 10 : 7, bias = type == "F16" ? 15 : 127;
      int const exponent = static_cast<int>((i & 0x7fff) >> mantissa),
                digits = static_cast<int>(i) & ((1 << mantissa) - 1);
      double const expected = std::isinf(wide[i]) ? INFINITY
                              : exponent == 0     ? std::ldexp(digits, 1 - bias - mantissa)
                                                  : std::ldexp(digits + (1 << mantissa), exponent - bias - mantissa);
      ASSERT_EQ(wide[i], sign * expected) << type << " " << i;
    }
    auto const again = [&](auto const& values) {
      using T = typename std::remove_cvref_t<decltype(values)>::value_type;
      SafetensorsWriter out(dir / "b", {{"x", *tensor_type(type), {65536}}});
      out.template write<T>("x", values);
      out.commit();
      std::string const bytes = read_bytes(dir / "b");
      return bytes.substr(bytes.size() - 131072);
    };
    EXPECT_EQ(again(single), bytes_of_half(all));
    EXPECT_EQ(again(wide), bytes_of_half(all));
  }
}

TEST(Safetensors, RoundsToNearestEven) {
  TemporaryDirectory const dir;
  struct Row {
    double value;
    TensorType type;
    double rounded;
  };
  double const tiny = std::ldexp(1, -24);  // the smallest of F16
  for (auto const& [value, type, rounded] : std::vector<Row>{
           {1 + std::ldexp(1, -11), TensorType::f16, 1},
           {1 + 3 * std::ldexp(1, -11), TensorType::f16, 1 + std::ldexp(1, -9)},
           {1 + std::ldexp(1, -11) + 1e-15, TensorType::f16, 1 + std::ldexp(1, -10)},  // no rounding to float between
           {65519.99, TensorType::f16, 65504},
           {tiny / 2, TensorType::f16, 0},
           {tiny / 2 * 1.0001, TensorType::f16, tiny},
           {1.5 * tiny, TensorType::f16, 2 * tiny},
           {std::ldexp(1, -14) * (1 - std::ldexp(1, -12)), TensorType::f16, std::ldexp(1, -14)},
           {1 + std::ldexp(1, -8), TensorType::bf16, 1},
           {-1 - 3 * std::ldexp(1, -8), TensorType::bf16, -1 - std::ldexp(1, -6)},
           {1e-60, TensorType::f32, 0},
           {0.1, TensorType::f32, 0.1f},
           {1e-40, TensorType::f32, 1e-40f}}) {
    SafetensorsWriter out(dir / "a", {{"x", type, {1}}});
    out.write<double>("x", std::vector<double>{value});
    out.commit();
    EXPECT_EQ(values_of<double>(SafetensorsReader(dir / "a"), "x")[0], rounded) << value;
  }
  for (auto const& [value, type] : std::vector<std::pair<double, TensorType>>{
           {65520, TensorType::f16}, {1e39, TensorType::f32}, {3.4e38, TensorType::bf16}}) {
    SafetensorsWriter out(dir / "b", {{"x", type, {1}}});
    EXPECT_TEXT(NumericalError, out.write<double>("x", std::vector<double>{value}), "'x' holds", "beyond");
  }
  EXPECT_EQ(dir.files(), std::vector<std::string>{"a"});
}

TEST(Safetensors, ReadsIntegersAndBools) {
  TemporaryDirectory const dir;
  std::string header = R"({"count":{"dtype":"I64","shape":[],"data_offsets":[0,8]},)"
                       R"("small":{"dtype":"I8","shape":[2],"data_offsets":[8,10]},)"
                       R"("mask":{"dtype":"BOOL","shape":[2],"data_offsets":[10,12]},)"
                       R"("big":{"dtype":"U64","shape":[1],"data_offsets":[12,20]}})";
  write_bytes(dir / "a", safetensors_bytes(header) +
                             std::string("\xfe\xff\xff\xff\xff\xff\xff\xff\x80\x7f\x00\x01", 12) +
                             std::string(8, '\xff'));
  SafetensorsReader const file(dir / "a");
  EXPECT_EQ(values_of<std::int64_t>(file, "count"), (std::vector<std::int64_t>{-2}));
  EXPECT_EQ(values_of<std::int64_t>(file, "small"), (std::vector<std::int64_t>{-128, 127}));
  EXPECT_EQ(values_of<std::int64_t>(file, "mask"), (std::vector<std::int64_t>{0, 1}));
  EXPECT_EQ(values_of<std::int64_t>(file, "big"),
            (std::vector<std::int64_t>{std::numeric_limits<std::int64_t>::max()}));
  EXPECT_TEXT(ValueError, values_of<float>(file, "mask"), "'mask' is BOOL, expected floating-point");
}

TEST(Safetensors, BadFilesAreOneErrorEach) {
  TemporaryDirectory const dir;
  for (auto const& bad : bad_safetensors()) {
    SCOPED_TRACE(bad.name);
    write_bytes(dir / bad.name, bad.bytes);
    EXPECT_TEXT(IoError, SafetensorsReader(dir / bad.name), dir / bad.name, bad.part);
  }
  EXPECT_TEXT(IoError, SafetensorsReader(dir / "none"), "no such file");
  EXPECT_TEXT(IoError, SafetensorsReader(dir.path()), "is not a regular file");
  EXPECT_TEXT(IoError, SafetensorsReader("/dev/zero"), "is not a regular file");
}

TEST(Safetensors, EveryCutOfAFileIsAnError) {
  TemporaryDirectory const dir;
  std::string const whole =
      safetensors_bytes(R"({"__metadata__":{"k":"v"},"a":{"dtype":"F16","shape":[2,3],"data_offsets":[0,12]}}   )", 12);
  write_bytes(dir / "whole", whole);
  EXPECT_EQ(SafetensorsReader(dir / "whole").metadata().at("k"), "v");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    write_bytes(dir / "cut", whole.substr(0, size));
    EXPECT_THROW(SafetensorsReader(dir / "cut"), IoError) << size;
  }
}

TEST(Safetensors, WrongCallsAreErrorsAndLeaveNothing) {
  TemporaryDirectory const dir;
  auto const make = [&](std::vector<TensorInfo> tensors) { SafetensorsWriter(dir / "a", std::move(tensors)); };
  EXPECT_TEXT(ValueError, make({{"a"}, {"a"}}), "'a' comes twice");
  EXPECT_TEXT(ValueError, make({{"__metadata__"}}), "'__metadata__'");
  EXPECT_TEXT(ValueError, make({{"\xff"}}), "no UTF-8");
  SafetensorsWriter file(dir / "a", {{"a", TensorType::f32, {2}}, {"n", TensorType::i64, {}}});
  EXPECT_TEXT(ValueError, file.write<float>("b", {}), "'b' was not announced");
  EXPECT_TEXT(ShapeError, file.write<float>("a", {}), "[2]", "0 elements");
  EXPECT_TEXT(ValueError, file.write<double>("n", {}), "announced as I64");
  EXPECT_TEXT(IoError, SafetensorsWriter(dir / "none/a", {}), "none/a: cannot be written");
  EXPECT_TEXT(IoError, SafetensorsWriter("/dev/full", {}), "is not a regular file");
  SafetensorsWriter lacking(dir / "b", {{"a", TensorType::f32, {2}}});
  EXPECT_TEXT(ValueError, lacking.commit(), "'a' was announced, but not written");
}

TEST(Safetensors, AFullDiskIsOneErrorAndLeavesNothing) {
  TemporaryDirectory const dir;
  write_bytes(dir / "a", "old");
  std::vector<float> const values(1 << 18, 1.0f);
  for (std::size_t const size : {10, 1000, 1'000'000}) {
    int const status = in_child([&] {
      ::signal(SIGXFSZ, SIG_IGN);
      rlimit const limit{size, size};
      ::setrlimit(RLIMIT_FSIZE, &limit);
      try {
        SafetensorsWriter file(dir / "a", {{"x", TensorType::f32, {values.size()}}});
        file.write<float>("x", values);
        file.commit();
      } catch (IoError const& error) {
        return std::string(error.what()).find("there is no room for") != std::string::npos ? 7 : 8;
      }
      return 9;
    });
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 7) << size;
  }
  EXPECT_EQ(dir.files(), std::vector<std::string>{"a"});
  EXPECT_EQ(read_bytes(dir / "a"), "old");
}

TEST(ConfigurationJson, RoundTrip) {
  Configuration values;
  values.set("model", "crate");
  values.set("image_size", std::vector<std::size_t>{9, 12});
  values.set("eta", 0.1);
  values.set("steps", std::int64_t(-3));
  values.set("lr", krate::Attribute(std::vector<double>{0.5, 1e-300}));
  EXPECT_EQ(configuration_from_json(to_json(values), "x"), values);
}

TEST(ConfigurationJson, TakesWhatAConfigurationCanHold) {
  auto const values = configuration_from_json(
      R"({"flag":true,"none":null,"inner":{"a":1},"deep":[[[1]]],"words":["a"],"empty":[],"mixed":[1,2.5],"n":7})",
      "x");
  EXPECT_EQ(values.get<std::int64_t>("flag"), 1);
  EXPECT_EQ(values.get<std::vector<double>>("mixed"), (std::vector<double>{1, 2.5}));
  EXPECT_EQ(values.entries().size(), 3u);
  for (std::string const text : {"", "[]", "{", "7", "{\"a\":\xff}"})
    EXPECT_TEXT(IoError, configuration_from_json(text, "a.safetensors"), "a.safetensors is no JSON object");
  EXPECT_THROW(configuration_from_json(std::string(1000000, '['), "x"), IoError);
  std::string deep;
  for (int i = 0; i < 200000; ++i) deep += "{\"a\":";
  EXPECT_THROW(configuration_from_json(deep, "x"), IoError);
}

}  // namespace
