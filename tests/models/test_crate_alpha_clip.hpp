// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The vision tower of CRATE-alpha-CLIPA: a CRATE-alpha without the biases of convolution and head.
#pragma once

#include <cmath>
#include <filesystem>

#include "krate/models/crate_alpha.hpp"
#include "krate/models/exchange.hpp"
#include "models/reference_curves.hpp"
#include "support/reference_file.hpp"

namespace krate::testing {
namespace {

/// A tensor of the file as the model has it: one of its copies, rows and columns exchanged; of a gradient the sum.
inline Array tower_tensor(io::File const& file, std::string const& group, models::OfficialTensor const& tensor,
                          bool sum) {
  Array const all = read_array(file, group + "/" + tensor.names.front());
  std::size_t const size = all.size() / tensor.copies;
  Array one({size});
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (sum || i < size) {
      one.data[i % size] += all.data[i];
    } else {
      EXPECT_EQ(all.data[i], one.data[i % size]) << tensor.names.front();
    }
  }
  if (!tensor.transposed) return one;
  Array turned({size});
  std::size_t const rows = tensor.shape[0], columns = tensor.shape[1];
  for (std::size_t i = 0; i < size; ++i) turned.data[i % columns * rows + i / columns] = one.data[i];
  return turned;
}

template <class T>
struct TowerRun {
  io::File file = io::File::open(krate::testing::reference_file("crate_alpha_clip.h5"));
  TestSpace space;
  models::CrateAlphaConfig config = models::CrateAlphaConfig::from(file.attributes("/"));
  models::ParameterTable table = models::CrateAlpha<TestSpace, T>::parameter_table(config);
  models::CrateAlpha<TestSpace, T> model{space, config};
  models::CrateAlphaState<TestSpace, T> state;
  TowerRun() {
    auto const& list = model.parameters();
    for (std::size_t i = 0; i < list.entries().size(); ++i)
      Kokkos::deep_copy(list.value(i),
                        to_view<TestSpace, T, 1>(tower_tensor(file, "/params", table.official_tensors()[i], false)));
  }
};

template <class Scalar>
struct CrateAlphaClip : ::testing::Test {};
SCALAR_TESTS(CrateAlphaClip, Scalars);

SCALAR_TEST(CrateAlphaClip, EmbeddingsTokensAndEveryGradientAgree) {
  using T = TypeParam;
  TowerRun<T> run;
  auto const compare = [&](auto const& view, std::string const& path) {
    EXPECT_LE(worst_error(to_array(view), read_array(run.file, path)), ReferenceBound<T>::output) << path;
  };
  auto const images = to_view<TestSpace, T, 4>(read_array(run.file, "/input/images"));
  auto const labels = to_view<TestSpace, Label, 1>(read_array(run.file, "/input/labels"));
  std::size_t const batch = images.extent(0), features = run.config.classes;
  Arena<TestSpace> const arena(run.space,
                               run.model.plan(batch, models::Pass::training) + 4096 + cross_entropy_workspace(batch));
  auto work = arena.workspace();
  Matrix<T, TestSpace> const dlogits = work.template take<T>(batch, features);
  Value<double, TestSpace> const loss = work.template take<double>();
  Value<std::int64_t, TestSpace> const correct = work.template take<std::int64_t>();
  run.model.cut(work, batch, models::Pass::training, run.state);
  run.model.forward(run.space, images, run.state, work, [&](models::BlockView<TestSpace, T> const& block) {
    std::string const at = "/intermediate/block_" + std::to_string(block.index);
    if (block.index == 0) compare(block.input, "/intermediate/embedding");
    compare(block.residual, at + "/residual");
    compare(block.tokens, at + "/tokens");
  });
  compare(run.state.logits, "/output/embedding");
  compare(run.state.head_input, "/intermediate/head_input");
  CrossEntropyOptions const objective{run.config.label_smoothing, 1.0 / static_cast<double>(batch)};
  cross_entropy(run.space, run.state.logits, labels, objective, work, loss, correct);
  double const expected = read_array(run.file, "/output/loss").data[0];
  EXPECT_LE(std::abs(to_array(loss).data[0] - expected), ReferenceBound<T>::loss * std::abs(expected));

  cross_entropy_backward(run.space, run.state.logits, labels, objective, dlogits);
  Guarded<TestSpace, T, 4> dimages(batch, images.extent(1), images.extent(2), images.extent(3));
  std::vector<ParameterRange> ready;
  run.model.backward(
      run.space, dlogits, run.state, work, [&](ParameterRange r) { ready.push_back(r); }, dimages.view());
  EXPECT_LE(worst_error(dimages.array(), read_array(run.file, "/grads/input")), ReferenceBound<T>::gradient);
  auto const& list = run.model.parameters();
  for (std::size_t i = 0; i < list.entries().size(); ++i) {
    auto const& tensor = run.table.official_tensors()[i];
    EXPECT_LE(worst_error(to_array(list.gradient(i)), tower_tensor(run.file, "/grads", tensor, true)),
              ReferenceBound<T>::gradient)
        << tensor.names.front();
  }
  ASSERT_FALSE(ready.empty());
  EXPECT_EQ(ready.front().end, list.length());
  EXPECT_EQ(ready.back().begin, 0u);
}

SCALAR_TEST(CrateAlphaClip, OfficialFilesComeInAndGoOut) {
  using T = TypeParam;
  TowerRun<T> const run;
  auto const path = std::filesystem::temp_directory_path() / ("krate_clip_" + std::to_string(::getpid()));
  models::TensorTypes const types(run.table.specs().size(), io::TensorType::f32);
  models::export_parameters(run.space, run.table, run.model.parameters(), types, path, {});
  {
    io::SafetensorsReader const file(path);
    EXPECT_EQ(file.tensors().size(), run.file.list("/params").size());
    for (auto const& tensor : file.tensors()) {
      std::vector<double> values(tensor.size());
      file.read<double>(tensor, values);
      EXPECT_EQ(values, run.file.template read_all<double>("/params/" + tensor.name)) << tensor.name;
    }
    models::OfficialTensors const official(file);
    Configuration known;
    EXPECT_EQ(models::complete_crate_alpha(official, known), std::vector<std::string>{"heads"});
    known.set("heads", run.config.heads);
    auto const config = models::CrateAlphaConfig::from(known);
    EXPECT_TRUE(config.clip);
    EXPECT_EQ(config.classes, run.config.classes);
    models::CrateAlpha<TestSpace, T> const back(run.space, config);
    models::import_parameters(run.space, run.table, back.parameters(), official);
    for (std::size_t i = 0; i < types.size(); ++i)
      EXPECT_EQ(to_array(back.parameters().value(i)).data, to_array(run.model.parameters().value(i)).data);
  }
  // A file whose copies of U differ holds another model; the text tower's names are read past.
  std::vector<io::TensorInfo> infos{{"text.proj", io::TensorType::f64, {1}}};
  std::map<std::string, std::vector<double>> values{{"text.proj", {1}}};
  for (auto const& name : run.file.list("/params")) {
    std::vector<std::size_t> shape;
    values[name] = run.file.template read_all<double>("/params/" + name, &shape);
    infos.push_back({name, io::TensorType::f64, shape});
  }
  std::string const u = "visual.transformer.resblocks.1.attn.in_proj_weight";
  values[u].back() += 1;
  io::SafetensorsWriter writer(path, infos);
  for (auto const& [name, v] : values) writer.write<double>(name, v);
  writer.commit();
  io::SafetensorsReader const file(path);
  EXPECT_EQ(models::OfficialTensors(file).foreign(run.table), 1u);
  EXPECT_ERROR(IoError, "tensor " + u + " holds 3 matrices that differ",
               models::import_parameters(run.space, run.table, run.model.parameters(), models::OfficialTensors(file)));
  std::filesystem::remove(path);
}

SCALAR_TEST(CrateAlphaClip, ParameterCountsAreTheOfficialOnes) {
  // tests/data/parameter_counts.json, models.crate_alpha_clip_vision.*: total, with one copy of U, tensors
  struct {
    char const* size;
    std::size_t total, one, tensors;
  } const official[] = {{"L/14", 304005120, 253673472, 198}, {"H/14", 631705600, 526848000, 262}};
  for (auto const& o : official) {
    auto const config = models::crate_alpha_clip_config(o.size);
    auto const table = models::CrateAlpha<TestSpace, TypeParam>::parameter_table(config);
    std::size_t one = 0, total = 0;
    for (auto const& spec : table.specs()) one += Array::count(spec.shape);
    for (auto const& tensor : table.official_tensors()) total += Array::count(tensor.shape);
    EXPECT_EQ(one, o.one) << o.size;
    EXPECT_EQ(total, o.total) << o.size;
    EXPECT_EQ(table.specs().size(), o.tensors) << o.size;
    auto const stored = config.configuration();
    EXPECT_EQ(models::CrateAlphaConfig::from(stored).configuration(), stored);
  }
}

}  // namespace
}  // namespace krate::testing
