// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Parameters from and to files with the authors' names; what the command adds is in tests/tools/test_exchange.cpp.
#include <filesystem>

#include "krate/models/crate.hpp"
#include "krate/models/exchange.hpp"
#include "krate/models/resolution.hpp"
#include "support/array.hpp"
#include "support/op_test.hpp"

namespace krate::testing {
namespace {

/// A table with a tied tensor and one that has a further axis in the authors' files.
models::ParameterTable tied_table() {
  models::ParameterTable table;
  auto const words = table.add("words", "wte.weight", {3, 2}, {});
  auto const token = table.add("token", "cls_token", {2}, {});
  table.tie(words, "lm_head.weight");
  table.set_official_shape(token, {1, 1, 2});
  return table;
}

/// A file of its own, gone after the test.
struct ExchangeFile {
  std::string path = std::filesystem::temp_directory_path() / ("krate_exchange_" + std::to_string(::getpid()));
  ~ExchangeFile() {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  }
  void write(std::vector<std::pair<std::string, std::vector<double>>> const& tensors) const {
    std::vector<io::TensorInfo> infos;
    for (auto const& [name, values] : tensors) {
      bool const token = name.ends_with("cls_token");
      infos.push_back(
          {name, io::TensorType::f32, token ? std::vector<std::size_t>{1, 1, 2} : std::vector<std::size_t>{3, 2}});
    }
    io::SafetensorsWriter file(path, infos);
    for (auto const& [name, values] : tensors) file.write<double>(name, values);
    file.commit();
  }
  template <class T>
  std::vector<T> imported() const {
    TestSpace const space;
    auto const table = tied_table();
    ParameterList<TestSpace, T> const list(space, table.specs());
    io::SafetensorsReader const file(path);
    models::import_parameters(space, table, list, models::OfficialTensors(file));
    std::vector<T> values;
    for (std::size_t i = 0; i < 2; ++i)
      for (double const v : to_array(list.value(i)).data) values.push_back(static_cast<T>(v));
    return values;
  }
};

std::vector<double> const words{1, 2, 3, 4, 5, 6}, other_words{1, 2, 3, 4, 5, 7}, token{8, 9};

TEST(Exchange, TiedTensorsAreOneParameter) {
  ExchangeFile const f;
  std::vector<double> const expected{1, 2, 3, 4, 5, 6, 8, 9};
  f.write({{"wte.weight", words}, {"lm_head.weight", words}, {"module.cls_token", token}});
  EXPECT_EQ(f.imported<double>(), expected);
  EXPECT_EQ(f.imported<float>(), std::vector<float>(expected.begin(), expected.end()));
  f.write({{"lm_head.weight", words}, {"cls_token", token}});  // files written without shared tensors
  EXPECT_EQ(f.imported<double>(), expected);
  f.write({{"wte.weight", words}, {"lm_head.weight", other_words}, {"cls_token", token}});
  EXPECT_ERROR(IoError, "wte.weight and lm_head.weight differ", f.imported<double>());
  f.write({{"cls_token", token}});
  EXPECT_ERROR(IoError, "1 missing (wte.weight)", f.imported<double>());
}

TEST(Exchange, TiedTensorsAreWrittenUnderAllNames) {
  ExchangeFile const f;
  TestSpace const space;
  auto const table = tied_table();
  ParameterList<TestSpace, float> const list(space, table.specs());
  Kokkos::deep_copy(space, list.value(0), 2.5f);
  models::export_parameters(space, table, list, {io::TensorType::f16, io::TensorType::f32}, f.path, {{"k", "v"}});
  io::SafetensorsReader const file(f.path);
  ASSERT_EQ(file.tensors().size(), 3u);
  EXPECT_EQ(file.tensors()[0].shape, (std::vector<std::size_t>{1, 1, 2}));
  for (std::size_t i : {1, 2}) {
    EXPECT_EQ(file.tensors()[i].type, io::TensorType::f16);
    std::vector<double> values(6);
    file.read<double>(file.tensors()[i], values);
    EXPECT_EQ(values, std::vector<double>(6, 2.5));
  }
  EXPECT_EQ(file.metadata().at("k"), "v");
}

TEST(Exchange, AModelGoesOutAndComesBack) {
  ExchangeFile const f;
  using Crate = models::Crate<TestSpace, float>;
  TestSpace const space;
  models::CrateConfig const config{.dim = 8, .depth = 2, .heads = 2};
  Crate const model(space, config, Seed{1}), other(space, config, Seed{2});
  auto const table = Crate::parameter_table(config);
  models::TensorTypes const types(table.specs().size(), io::TensorType::f32);
  models::export_parameters(space, table, model.parameters(), types, f.path, {});
  io::SafetensorsReader const file(f.path);
  models::OfficialTensors const tensors(file);
  models::import_parameters(space, table, other.parameters(), tensors);
  for (std::size_t i = 0; i < types.size(); ++i)
    EXPECT_EQ(to_array(other.parameters().value(i)).data, to_array(model.parameters().value(i)).data);
  Configuration known;
  known.set("heads", std::size_t(2));
  EXPECT_TRUE(models::complete_crate(tensors, known).empty());
  auto const found = models::CrateConfig::from(known);
  EXPECT_EQ(found.depth, 2u);
  EXPECT_EQ(found.image_size, config.image_size);
  EXPECT_EQ(found.channels, 1u);
  auto const wider = Crate::parameter_table({.dim = 16, .depth = 2, .heads = 2});
  io::Metadata const none;
  EXPECT_ERROR(ShapeError, "not the one of this table",
               models::export_parameters(space, wider, model.parameters(), types, f.path, none));
}

// Values of torch.nn.functional.interpolate(bicubic, align_corners=False, recompute_scale_factor=False), in double.
TEST(Resolution, PositionsAreThoseOfTheAuthorsCode) {
  std::vector<double> const grid{0, 1, 4, -2, 3, 0.5, 1.5, -1, 2};
  std::vector<double> const larger{0.08285834337699483, 0.1768868239866003,  0.7623358759999916,  2.83916928295675,
                                   4.538003229517513,   -2.0092103269434087, 0.03241854665275192, 2.572954379699695,
                                   2.4617148741639387,  1.6300766138102856,  -1.439193849720593,  0.10754998683250463,
                                   1.9389835148617327,  1.4401167350177864,  0.46413991417589956, 1.9140252286216035,
                                   0.39036157325194437, -1.1646476087175077, 0.4338621319605154,  2.319002906823364};
  std::vector<double> const smaller{-0.1504173240223577, 2.799363902536622, 0.22045673282523517, 1.023793763652899};
  auto const near = [](std::vector<double> const& found, std::vector<double> const& expected) {
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-13) << i;
  };
  near(models::resampled_positions(grid, 3, {4, 5}, 1), larger);
  near(models::resampled_positions(grid, 3, 2, 1), smaller);
  EXPECT_EQ(models::resampled_positions(grid, 3, 3, 1), grid);
  near(models::resampled_positions(std::vector<double>{2, 5}, 1, {2, 1}, 2), {2, 5, 2, 5});
  EXPECT_ERROR(ShapeError, "9 elements, expected 2 x 2 x 1", models::resampled_positions(grid, 2, 3, 1));
}

TEST(Resolution, TheRestOfTheModelIsTheSame) {
  TestSpace const space;
  models::Crate<TestSpace, double> const model(space, {.image_size = 12, .dim = 8, .depth = 1, .heads = 2}, Seed{3});
  auto const made = models::at_resolution(space, model, {16, 20});
  EXPECT_EQ(made.config().tokens(), 21u);
  auto const same = models::at_resolution(space, made, {16, 20});
  auto const positions = model.parameters().index("position_embedding");
  for (std::size_t i = 0; i < model.parameters().entries().size(); ++i) {
    auto const now = to_array(made.parameters().value(i)).data;
    EXPECT_EQ(to_array(same.parameters().value(i)).data, now);
    auto before = to_array(model.parameters().value(i)).data;
    if (i == positions) {
      EXPECT_TRUE(std::equal(before.begin(), before.begin() + 8, now.begin()));  // the class token's
    } else {
      EXPECT_EQ(now, before);
    }
  }
  EXPECT_THROW(models::at_resolution(space, model, 15), ValueError);
}

TEST(TensorTypes, AreRememberedInTheConfiguration) {
  auto const table = tied_table();
  models::TensorTypes const types{io::TensorType::bf16, io::TensorType::f16};
  Configuration config;
  models::store_types(table, types, config);
  EXPECT_EQ(models::stored_types(table, config, io::TensorType::f32), types);
  EXPECT_EQ(models::stored_types(table, {}, io::TensorType::f32), models::TensorTypes(2, io::TensorType::f32));
  config.set("dtype", "I64");
  EXPECT_ERROR(ValueError, "expected F16", models::stored_types(table, config, io::TensorType::f32));
}

}  // namespace
}  // namespace krate::testing
