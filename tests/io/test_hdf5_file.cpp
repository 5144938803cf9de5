// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/io/hdf5.hpp"

#include <dlfcn.h>

#include <limits>

#include "io/support.hpp"

namespace {

using krate::Attribute;
using krate::Configuration;
using namespace krate::io;
using krate::IoError;
using krate::ShapeError;
using krate::ValueError;
using krate::testing::data_file;
using krate::testing::TemporaryDirectory;

template <class T>
struct HdfFileTypes : ::testing::Test {};
using Elements = ::testing::Types<double, float, std::int64_t, std::int32_t, std::uint8_t>;
TYPED_TEST_SUITE(HdfFileTypes, Elements);

TYPED_TEST(HdfFileTypes, RoundTrip) {
  using T = TypeParam;
  TemporaryDirectory const dir;
  std::vector<T> const values = {std::numeric_limits<T>::lowest(), T(1), T(0), T(7), T(3),
                                 std::numeric_limits<T>::max()};
  std::vector<T> const one = {T(42)}, none;
  {
    File file = File::create(dir / "a.h5");
    file.write<T>("/deep/in/groups", {3, 2}, 0, 3, values);
    file.write<T>("/scalar", {}, 0, 1, one);
    file.write<T>("/empty", {0, 4}, 0, 0, none);
    file.write<T>("/thin", {4, 0}, 0, 4, none);
    file.commit();
  }
  File const file = File::open(dir / "a.h5");
  std::vector<std::size_t> shape;
  EXPECT_EQ(file.read_all<T>("/deep/in/groups", &shape), values);
  EXPECT_EQ(shape, (std::vector<std::size_t>{3, 2}));
  std::vector<T> row(2);
  file.read<T>("deep/in/groups/", 1, 1, row);  // slashes at the ends do not matter
  EXPECT_EQ(row, (std::vector<T>{values[2], values[3]}));
  EXPECT_EQ(file.read_all<T>("/scalar", &shape), one);
  EXPECT_TRUE(shape.empty());
  EXPECT_TRUE(file.read_all<T>("/empty").empty());
  EXPECT_TRUE(file.read_all<T>("/thin").empty());
  DatasetInfo const info = file.info("/deep/in/groups");
  EXPECT_EQ(info.element, std::is_integral_v<T> ? ElementClass::integer : ElementClass::floating);
  EXPECT_EQ(info.element_bytes, sizeof(T));
  EXPECT_EQ(info.is_uint8(), (std::is_same_v<T, std::uint8_t>));
}

TEST(HdfFile, ReadsEveryNumericTypeOfAnotherWriter) {
  File const file = File::open(data_file("types"));
  std::vector<double> const expected = {0, 1, 1, 0, 1, 0, 1, 1};
  auto const names = file.list("/numbers");
  EXPECT_EQ(names.size(), 14u);
  for (auto const& name : names) {
    EXPECT_EQ(file.read_all<double>("/numbers/" + name), expected) << name;
    EXPECT_EQ(file.read_all<float>("/numbers/" + name), (std::vector<float>(expected.begin(), expected.end()))) << name;
    if (file.info("/numbers/" + name).element == ElementClass::integer) {
      EXPECT_EQ(file.read_all<std::int32_t>("/numbers/" + name),
                (std::vector<std::int32_t>(expected.begin(), expected.end())));
      EXPECT_EQ(file.read_all<std::uint8_t>("/numbers/" + name),
                (std::vector<std::uint8_t>(expected.begin(), expected.end())));
    }
  }
  EXPECT_EQ(file.read_all("/scalar"), std::vector<double>{2.5});
  EXPECT_EQ(file.read_all("/soft"), expected);
  EXPECT_TRUE(file.info("/numbers/uint8").is_uint8());
  EXPECT_FALSE(file.info("/numbers/bool").is_uint8());
}

TEST(HdfFile, ReadsChunkedAndPackedData) {
  File const file = File::open(data_file("packed"));
  std::vector<double> expected(60);
  for (std::size_t i = 0; i < 60; ++i) expected[i] = static_cast<double>(i);
  EXPECT_EQ(file.read_all("/deflate"), expected);
  EXPECT_EQ(file.read_all("/chunked"), expected);
  std::vector<float> rows(9);
  file.read<float>("/deflate", 5, 3, rows);
  EXPECT_EQ(rows.front(), 15);
  EXPECT_EQ(rows.back(), 23);
}

TEST(HdfFile, ReadsAttributesOfAnotherWriter) {
  File const file = File::open(data_file("types"));
  Configuration const all = file.attributes("/attributes");
  EXPECT_EQ(all.get<std::int64_t>("zulu"), -3);
  EXPECT_EQ(all.get<std::string>("fixed"), "fixed text");
  EXPECT_EQ(all.get<std::string>("variable"), "variable text");
  EXPECT_EQ(all.get<std::int64_t>("flag"), 1);
  EXPECT_EQ(all.get<std::int64_t>("short"), 65535);
  EXPECT_EQ(all.get<double>("single"), 0.25);
  EXPECT_EQ(all.get<std::vector<std::int64_t>>("pair"), (std::vector<std::int64_t>{16, 8}));
  EXPECT_EQ(all.get<std::vector<double>>("numbers"), (std::vector<double>{0.5, -1.5}));
  EXPECT_EQ(all.get<std::vector<double>>("none"), std::vector<double>());
  EXPECT_EQ(all.entries().front().name, "zulu");  // in the order they were made
  EXPECT_EQ(all.entries().back().name, "alpha");
  for (char const* name : {"null", "words", "compound"}) {  // left out of the list, an error when asked for
    EXPECT_FALSE(all.has(name));
    EXPECT_TEXT(IoError, file.attribute("/attributes", name), "types.h5", "/attributes", name, "neither");
  }
  EXPECT_TEXT(IoError, file.attribute("/attributes", "missing"), "types.h5: /attributes: has no attribute 'missing'");
}

TEST(HdfFile, AttributesRoundTripInOrder) {
  TemporaryDirectory const dir;
  Configuration written;
  written.set("model", "crate");
  written.set("image_size", std::vector<std::size_t>{9, 12});
  written.set("eta", 0.1);
  written.set("depth", 3);
  written.set("betas", Attribute(std::vector<double>{0.9, 0.999}));
  written.set("empty", "");
  written.set("nothing", Attribute(std::vector<double>{}));
  for (int i = 0; i < 40; ++i) written.set("many_" + std::to_string(39 - i), i);
  written.set("long", std::string(5000, 'x'));
  {
    File file = File::create(dir / "a.h5");
    file.set_attributes("/config", written);
    std::vector<float> const x(6);
    file.write<float>("/x", {2, 3}, 0, 2, x);
    file.set_attribute("/x", "units", "m/s");
    file.commit();
  }
  File const file = File::open(dir / "a.h5");
  EXPECT_TRUE(file.attributes("/config") == written);
  EXPECT_EQ(file.attribute("/x", "units"), Attribute("m/s"));
}

TEST(HdfFile, ChunksCompressionAndAlignmentChangeNoValue) {
  TemporaryDirectory const dir;
  std::vector<double> values(1000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i % 7);
  FileOptions packed{.chunk_bytes = 800, .compression = 6}, aligned{.alignment = 4096}, pieces{.piece_bytes = 250};
  for (auto const& options : {packed, aligned, pieces}) {
    File file = File::create(dir / "a.h5", {}, options);
    file.write<double>("/x", {100, 10}, 0, 100, values);
    file.commit();
    EXPECT_EQ(File::open(dir / "a.h5", {}, options).read_all("/x"), values);
  }
  EXPECT_ERROR(ValueError, "chunk_bytes", File::create(dir / "b.h5", {}, {.compression = 3}));
  EXPECT_ERROR(ValueError, "compression = 10", File::create(dir / "b.h5", {}, {.chunk_bytes = 100, .compression = 10}));
}

TEST(HdfFile, SameContentsGiveTheSameBytes) {
  TemporaryDirectory const dir;
  std::vector<float> const x(600, 1.5f);
  for (std::string const name : {"a.h5", "b.h5"}) {
    File file = File::create(dir / name);
    file.write<float>("/group/x", {30, 20}, 0, 30, x);
    file.set_attribute("/group", "note", "same");
    file.commit();
  }
  EXPECT_EQ(krate::testing::read_bytes(dir / "a.h5"), krate::testing::read_bytes(dir / "b.h5"));
  EXPECT_LT(krate::testing::read_bytes(dir / "a.h5").size(), 600 * sizeof(float) + 8192);  // no reserved room is left
}

TEST(HdfFile, FindsAndLists) {
  File const file = File::open(data_file("types"));
  EXPECT_TRUE(file.exists("/"));
  EXPECT_TRUE(file.exists("/numbers/int8"));
  EXPECT_FALSE(file.exists("/numbers/int9"));
  EXPECT_FALSE(file.exists("/nowhere/int8"));
  EXPECT_FALSE(file.exists("/scalar/below_a_dataset"));
  EXPECT_TRUE(file.is_group("/numbers"));
  EXPECT_FALSE(file.is_group("/scalar"));
  EXPECT_TEXT(IoError, file.list("/scalar"), "types.h5: /scalar: is not a group");
  EXPECT_TEXT(IoError, file.info("/numbers"), "types.h5: /numbers: is not a dataset");
}

TEST(HdfFile, WrongCallsAreNamed) {
  TemporaryDirectory const dir;
  File file = File::create(dir / "a.h5");
  std::vector<float> const six(6), five(5);
  file.write<float>("/x", {3, 2}, 0, 3, six);
  EXPECT_TEXT(ValueError, file.write<float>("/x", {3, 2}, 0, 3, six), "/x", "was written already");
  EXPECT_TEXT(ShapeError, file.write<float>("/y", {3, 2}, 0, 3, five), "/y", "6 elements, but 5");
  EXPECT_TEXT(ValueError, file.write<float>("/y", {3, 2}, 1, 3, six), "/y", "rows [1, 1 + 3)");
  EXPECT_TEXT(ValueError, file.write<float>("/y", {4, 2}, 0, 3, six), "/y", "3 rows of 4", "written once");
  file.commit();
  EXPECT_TEXT(ValueError, file.commit(), "is not being written");
  File const reader = File::open(dir / "a.h5");
  std::vector<float> out(6);
  EXPECT_TEXT(ValueError, reader.read<float>("/x", 2, 2, std::span<float>(out).first(4)), "a.h5: /x",
              "do not lie in its 3");
  EXPECT_TEXT(ShapeError, reader.read<float>("/x", 0, 2, out), "/x", "4 elements, but 6");
  std::vector<std::int64_t> integers(6);
  EXPECT_TEXT(IoError, reader.read<std::int64_t>("/x", 0, 3, integers), "/x", "floating numbers, expected integers");
  EXPECT_TEXT(IoError, reader.read_all("/y"), "a.h5: /y: cannot be opened (HDF5: ");
}

// An application's own way of hearing HDF5's errors must survive our calls, and hear nothing of what we handle.
TEST(HdfFile, LeavesErrorPrintingAsItWas) {
  using Walk = int (*)(std::int64_t, void*);
  auto const get = reinterpret_cast<int (*)(std::int64_t, Walk*, void**)>(::dlsym(RTLD_DEFAULT, "H5Eget_auto2"));
  auto const set = reinterpret_cast<int (*)(std::int64_t, Walk, void*)>(::dlsym(RTLD_DEFAULT, "H5Eset_auto2"));
  ASSERT_TRUE(get && set);
  Walk before = nullptr, after = nullptr;
  void *data = nullptr, *data_after = nullptr;
  get(0, &before, &data);
  static int heard = 0;
  Walk const mine = [](std::int64_t, void*) { return ++heard; };
  set(0, mine, &heard);
  EXPECT_THROW(File::open(data_file("soft_cycle")).info("/samples"), IoError);
  EXPECT_THROW(File::open(data_file("types")).info("/nothing"), IoError);
  get(0, &after, &data_after);
  EXPECT_EQ(after, mine);
  EXPECT_EQ(data_after, &heard);
  EXPECT_EQ(heard, 0);
  set(0, before, data);
}

TEST(ConfigurationTest, ConvertsWidensAndNamesWhatIsWrong) {
  Configuration c("a.toml");
  c.set("depth", 3);
  c.set("eta", 0.5);
  c.set("pool", "cls");
  c.set("depth", 4);
  EXPECT_EQ(c.entries().size(), 3u);
  EXPECT_EQ(c.get<std::int64_t>("depth"), 4);
  EXPECT_EQ(c.get<double>("depth"), 4.0);
  EXPECT_EQ(c.get<std::vector<std::int64_t>>("depth"), std::vector<std::int64_t>{4});
  EXPECT_EQ(c.get<std::vector<double>>("eta"), std::vector<double>{0.5});
  EXPECT_EQ(c.get<std::int64_t>("heads", 8), 8);
  EXPECT_TEXT(ValueError, c.get<std::int64_t>("heads"), "a.toml has no attribute 'heads'");
  EXPECT_TEXT(ValueError, c.get<std::int64_t>("eta"), "'eta' is a number, expected an integer");
  EXPECT_TEXT(ValueError, c.get<double>("pool"), "'pool' is text, expected a number");
}

}  // namespace
