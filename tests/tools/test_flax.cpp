// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate import of the JAX code's parameters: CRATE-alpha's flax tree in a NumPy archive.
#include <bit>
#include <cstring>
#include <functional>

#include "command.hpp"
#include "krate/core/error.hpp"
#include "krate/io/dataset.hpp"
#include "krate/io/hdf5.hpp"
#include "support/npz_bytes.hpp"
#include "support/reference_file.hpp"
#include "tools/npz.hpp"

namespace krate::testing {
namespace {

using Words = std::vector<std::string>;
std::string const committed = krate::testing::reference_file("crate_alpha_flax.npz");

struct FlaxArray {
  std::vector<std::size_t> shape;
  std::vector<double> values;
};
using Tree = std::map<std::string, FlaxArray>;

/// The committed archive.
Tree tree() {
  auto const archive = tools::bytes_of_file(committed);
  Tree all;
  for (auto const& array : tools::npz_arrays(archive))
    all[array.name] = {array.header.shape, tools::read_array<double>(archive, array)};
  return all;
}

std::string shape_text(std::vector<std::size_t> const& shape) {
  std::string text = "(";
  for (auto const extent : shape) text += std::to_string(extent) + ",";
  return text + ")";
}

template <class T>
std::string raw(std::vector<double> const& values) {
  std::string bytes;
  for (double const v : values) {
    T const value = static_cast<T>(v);
    bytes.append(reinterpret_cast<char const*>(&value), sizeof value);
  }
  return bytes;
}
/// The upper halves of floats.
std::string raw_bfloat(std::vector<double> const& values) {
  std::string bytes;
  for (double const v : values) bytes += little(std::bit_cast<std::uint32_t>(static_cast<float>(v)) >> 16, 2);
  return bytes;
}

/// A stored archive of a tree.
std::string archive_of(Tree const& all, std::string const& descr = "<f4", bool column_major = false,
                       std::string const& prefix = "") {
  ZipContents contents;
  for (auto const& [name, array] : all) {
    auto values = array.values;
    if (column_major) {
      std::vector<std::size_t> axes(array.shape.size());
      for (std::size_t i = 0; i < axes.size(); ++i) axes[i] = axes.size() - 1 - i;
      values = tools::permuted(values, array.shape, axes);
    }
    auto const bytes = descr == "<f8" ? raw<double>(values) : descr == "|V2" ? raw_bfloat(values) : raw<float>(values);
    contents.emplace_back(prefix + name + ".npy",
                          npy_bytes(npy_dictionary(descr, shape_text(array.shape), column_major), bytes));
  }
  return zip_bytes(contents);
}

struct Flax : ::testing::Test {
  Scratch dir;
  Outcome import(std::string const& file, std::string const& to, Words const& more = {}) const {
    Words words{"import", file, "--family", "crate_alpha", "-o", dir / to};
    words.insert(words.end(), more.begin(), more.end());
    return krate(words);
  }
  std::vector<double> parameters(std::string const& model) const {
    auto const file = io::File::open(dir / model);
    std::vector<double> all;
    for (auto const* name : {"position_embedding", "patch_embedding/convolution/weight", "blocks/01/mssa/projection",
                             "blocks/00/mssa/output/weight", "blocks/01/ista/decoder", "head/linear/weight"}) {
      auto const values = file.read_all<double>("/model/" + std::string(name));
      all.insert(all.end(), values.begin(), values.end());
    }
    return all;
  }
};

TEST_F(Flax, TheTreePredictsAsTheReferenceModel) {
  auto const made = json_of(import(committed, "m.h5", {"--json"}));
  EXPECT_EQ(made["model"], "crate_alpha");
  EXPECT_EQ(made["dtype"], "F32");
  auto const reference = io::File::open(krate::testing::reference_file("crate_alpha.h5"));
  EXPECT_EQ(made["parameters"], reference.attributes("/").get<std::int64_t>("parameters"));
  std::vector<std::size_t> shape;
  auto const images = reference.read_all<double>("/input/images", &shape);
  io::DatasetContents contents;
  contents.kind = io::SampleKind::images;
  contents.sample_shape = {shape[1], shape[2], shape[3]};
  contents.samples = std::span<double const>(images);
  io::write_dataset(dir / "d.h5", {}, contents);
  ASSERT_EQ(krate({"predict", dir / "m.h5", "--data", dir / "d.h5", "-o", dir / "out.h5"}).exit_code, 0);
  auto const logits = io::File::open(dir / "out.h5").read_all<double>("/logits"),
             expected = reference.read_all<double>("/output/logits_head_eps_1e-6");
  ASSERT_EQ(logits.size(), expected.size());
  for (std::size_t i = 0; i < logits.size(); ++i) EXPECT_NEAR(logits[i], expected[i], 1e-5);
}

TEST_F(Flax, AnyOrderOfAxesTypesAndPrefixesGiveTheSameModel) {
  ASSERT_EQ(import(committed, "m.h5").exit_code, 0);
  auto const expected = parameters("m.h5");
  auto all = tree();
  dir.write("columns.npz", archive_of(all, "<f4", true));
  dir.write("wide.npz", archive_of(all, "<f8"));
  Tree bare;
  for (auto const& [name, array] : all) bare[name.substr(7)] = array;
  dir.write("bare.npz", archive_of(bare));
  for (std::string const name : {"columns", "wide", "bare"}) {
    auto const outcome = import(dir / (name + ".npz"), name + ".h5");
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(parameters(name + ".h5"), expected) << name;
  }
  for (auto& [name, array] : all)
    for (double& v : array.values)
      v = std::bit_cast<float>(std::bit_cast<std::uint32_t>(static_cast<float>(v)) & 0xffff0000u);
  dir.write("low.npz", archive_of(all, "|V2"));
  dir.write("same.npz", archive_of(all));
  ASSERT_EQ(json_of(import(dir / "low.npz", "low.h5", {"--json"}))["dtype"], "BF16");
  ASSERT_EQ(import(dir / "same.npz", "same.h5").exit_code, 0);
  EXPECT_EQ(parameters("low.h5"), parameters("same.h5"));
}

TEST_F(Flax, TreesThatDoNotFitAreExplained) {
  struct Case {
    std::function<void(Tree&)> change;
    std::string part;
  };
  std::string const block = "params/Transformer/encoderblock_1/", attention = "MultiHeadDotProductSubspaceAttention_0/";
  auto const reshape = [](std::string const& name, std::vector<std::size_t> const& shape) {
    return [=](Tree& t) { t.at(name).shape = shape; };
  };
  std::vector<Case> const cases = {
      {[&](Tree& t) { t.erase(block + "OvercompleteISTABlock_0/D"); }, "1 missing (transformer.layers.1.1.fn.D)"},
      {[](Tree& t) {
         t["params/extra/kernel"] = {{1}, {0}};
       },
       "that the model does not have (extra/kernel)"},
      {[](Tree& t) { t["cls"] = t.at("params/cls"); }, "arrays cls and params/cls are the same without"},
      {[](Tree& t) { t.at("params/head/kernel").shape.push_back(1); }, "expected 2 axes"},
      {reshape(block + attention + "proj/kernel", {24, 4, 6}), "different heads"},
      {[](Tree& t) {
         t["params/pos_embedding"] = {{1, 1, 24}, std::vector<double>(24)};
       },
       "--image-size"},
      {[](Tree& t) {
         t["params/encoder_norm/scale"] = {{3}, {1, 1, 1}};
       },
       "mlp_head.0.weight [3] where [24]"},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(cases[i].part);
    auto changed = tree();
    cases[i].change(changed);
    auto const name = "bad" + std::to_string(i) + ".npz";
    dir.write(name, archive_of(changed));
    expect_failure(import(dir / name, "bad.h5"), cases[i].part);
  }
  EXPECT_FALSE(dir.holds("bad.h5"));
  expect_failure(import(committed, "bad.h5", {"--heads", "2"}), "its metadata say otherwise than --heads");
}

TEST_F(Flax, ArchivesThatLieAreRefused) {
  auto const array = [](std::string const& descr, std::string const& shape, std::string const& bytes) {
    return npy_bytes(npy_dictionary(descr, shape), bytes);
  };
  std::string const good = array("<f4", "(2,)", std::string(8, '\0'));
  auto const one = [](std::string const& npy) { return zip_bytes({{"cls.npy", npy}}); };
  auto const lie = [&](ZipLie const& how) { return zip_bytes({{"cls.npy", good}, {"b.npy", good}}, how); };
  std::string const whole = one(good);
  struct Bad {
    std::string bytes, part;
  };
  std::vector<Bad> const all = {
      {whole.substr(0, whole.size() - 30), "is no zip archive, or was cut short"},
      {whole.substr(0, whole.size() - 1), "is no zip archive, or was cut short"},
      {whole.substr(0, 60) + whole.substr(61), "table of contents is damaged"},
      {lie({.more_size = 1u << 20}), "goes beyond the end of the file"},
      {lie({.more_size = 40}), "overlap"},
      {lie({.more_unpacked = 7}), "cannot have"},
      {lie({.more_unpacked = 1u << 30, .method = 8}), "cannot have"},
      {lie({.method = 8}), "is damaged"},
      {lie({.method = 12}), "is packed in a way that krate does not read"},
      {lie({.checksum = 1}), "is damaged"},
      {lie({.offset = 1}), "is not where the table of contents says"},
      {lie({.offset = 0xfffffff0}), "cut short"},
      {zip_bytes({{"a.npy", good}, {"a.npy", good}}), "has two arrays named a"},
      {zip_bytes({{"a.npy", good}, {"readme.txt", "hello"}}), "readme.txt is no array"},
      {one("hello, hello, hello"), "array cls: is no NumPy array"},
      {one(good.substr(0, 30)), "its header is damaged"},
      {one(array("|O", "(2,)", std::string(16, '\0'))), "has elements of the type '|O', expected '<f2'"},
      {one(array(">f4", "(2,)", std::string(8, '\0'))), "has elements of the type '>f4'"},
      {one(array("<u2", "(4,)", std::string(8, '\0'))), "bfloat16 as '|V2'; save it as numpy.float32"},
      {one(array("<f4", "(2,)", std::string(12, '\0'))), "has 12 bytes of elements, but its shape (2,) needs 8"},
      {one(array("<f4", "(4611686018427387904, 4)", "")), "has too large a shape"},
      {one(array("<f4", "(18446744073709551616,)", "")), "expected a list of whole numbers"},
      {one(array("<f4", "(-1,)", "")), "expected a list of whole numbers"},
      {one(array("<f4", "[2]", std::string(8, '\0'))), "expected a list of whole numbers"},
      {one(npy_bytes("{'descr': '<f4', 'shape': (2,), }", std::string(8, '\0'))), "its header is damaged"},
      {one(npy_bytes("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", std::string(8, '\0'))),
       "has elements of the type [('a', '<f4')]"},
  };
  for (std::size_t i = 0; i < all.size(); ++i) {
    SCOPED_TRACE(i);
    auto const file = dir.write("bad" + std::to_string(i) + ".npz", all[i].bytes);
    expect_failure(import(file, "bad.h5"), all[i].part);
  }
  EXPECT_FALSE(dir.holds("bad.h5"));
  // Cut anywhere, it is an error, and no other.
  auto const bytes = content_of(committed);
  for (std::size_t size = 0; size < bytes.size(); size += 997) {
    auto const file = dir.write("cut.npz", bytes.substr(0, size));
    EXPECT_THROW(tools::npz_arrays(tools::bytes_of_file(file)), IoError) << size;
  }
  expect_failure(krate({"import", committed, "--family", "crate", "-o", dir / "bad.h5"}), "--family crate_alpha only");
}

}  // namespace
}  // namespace krate::testing
