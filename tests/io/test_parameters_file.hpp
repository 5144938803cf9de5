// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "io/support.hpp"
#include "krate/io/checkpoint.hpp"
#include "krate/linalg/elementwise.hpp"

namespace {

using krate::testing::filled;
using krate::testing::to_array;

template <class T>
struct ParametersFile : ::testing::Test {};
SCALAR_TESTS(ParametersFile, krate::testing::Scalars);

template <class T>
krate::ParameterList<TestSpace, T> a_list(std::uint64_t fill) {
  krate::ParameterList<TestSpace, T> list(
      TestSpace(),
      {{"embedding/class_token", {5}, false}, {"blocks/00/mssa/projection", {6, 5}}, {"head/bias", {3}, false}});
  for (std::size_t i = 0; i < list.entries().size(); ++i) {
    auto const values = krate::testing::to_view<TestSpace, T, 1>(filled(fill + i, {list.entries()[i].size}));
    krate::copy(TestSpace(), values, list.value(i));
  }
  TestSpace().fence("krate::test");
  return list;
}

SCALAR_TEST(ParametersFile, ValuesAndStateComeBackAndPaddingStays) {
  using T = TypeParam;
  krate::testing::TemporaryDirectory const dir;
  auto const list = a_list<T>(1), other = a_list<T>(50);
  krate::testing::Guarded<TestSpace, T, 1> state(list.length()), loaded(list.length());
  krate::copy(TestSpace(), krate::testing::to_view<TestSpace, T, 1>(filled(9, {list.length()})), state.view());
  krate::testing::Recording const recording;
  {
    krate::Configuration config;
    config.set("model", "test");
    krate::io::CheckpointWriter writer(dir / "c.h5", {}, config);
    krate::io::save_parameters(TestSpace(), list, writer);
    krate::io::save_state(TestSpace(), list, "adamw", "first_moment", state.view(), writer);
    writer.commit();
  }
  krate::io::CheckpointReader const reader(dir / "c.h5");
  krate::io::load_parameters(TestSpace(), reader, other);
  krate::io::load_state(TestSpace(), reader, other, "adamw", "first_moment", loaded.view());
  TestSpace().fence("krate::test");
  EXPECT_TRUE(recording.unlabelled().empty());
  auto const before = to_array(state.view()), after = to_array(loaded.view());
  for (std::size_t i = 0; i < list.entries().size(); ++i) {
    EXPECT_EQ(to_array(list.value(i)).data, to_array(other.value(i)).data);
    auto const& p = list.entries()[i];
    for (std::size_t k = 0; k < p.size; ++k) EXPECT_EQ(before(p.offset + k), after(p.offset + k));
    EXPECT_TRUE(std::isnan(after(p.offset + p.size)));  // padding is not the file's
  }
  EXPECT_TRUE(loaded.intact());
  EXPECT_EQ(reader.info("/model/blocks/00/mssa/projection").element_bytes, sizeof(T));
  EXPECT_EQ(reader.info("/optimizer/adamw/first_moment/blocks/00/mssa/projection").shape,
            (std::vector<std::size_t>{6, 5}));
  EXPECT_ERROR(krate::IoError, "/optimizer/lion/momentum/embedding/class_token: is missing",
               krate::io::load_state(TestSpace(), reader, other, "lion", "momentum", loaded.view()));
  EXPECT_ERROR(
      krate::ValueError, "state.size()",
      krate::io::load_state(TestSpace(), reader, other, "adamw", "first_moment", krate::Vector<T, TestSpace>()));
}

}  // namespace
