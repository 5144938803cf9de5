// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate import and krate export, between the authors' names and krate's model files.
#include "command.hpp"
#include "krate/io/dataset.hpp"
#include "krate/io/hdf5.hpp"
#include "krate/io/safetensors.hpp"
#include "support/reference_file.hpp"

namespace krate::testing {
namespace {

using io::SafetensorsReader;
using io::TensorType;
using Words = std::vector<std::string>;

/// The tensors of a file, to be changed and written.
struct Tensors {
  struct Tensor {
    TensorType type = TensorType::f32;
    std::vector<std::size_t> shape;
    std::vector<double> values;
  };
  std::map<std::string, Tensor> all;
  io::Metadata metadata;

  void write(std::string const& path) const {
    std::vector<io::TensorInfo> infos;
    for (auto const& [name, tensor] : all) infos.push_back({name, tensor.type, tensor.shape});
    io::SafetensorsWriter file(path, infos, metadata);
    for (auto const& [name, tensor] : all) file.write<double>(name, tensor.values);
    file.commit();
  }
};

/// A reference model (tests/data/README.md) as the authors' programs would store it.
Tensors reference(std::string const& name, TensorType type = TensorType::f32) {
  auto const file = io::File::open(krate::testing::reference_file(name + ".h5"));
  Tensors made;
  for (auto const& parameter : file.list("/params")) {
    auto& tensor = made.all[parameter];
    tensor.type = type;
    tensor.values = file.read_all("/params/" + parameter, &tensor.shape);
  }
  made.metadata["config"] = file.attributes("/").get<std::string>("config");
  return made;
}

struct Exchange : ::testing::Test {
  Scratch dir;
  std::string family = "crate";

  std::string data_of(std::string const& name) {
    auto const file = io::File::open(krate::testing::reference_file(name + ".h5"));
    std::vector<std::size_t> shape;
    if (file.exists("/input/tokens")) {
      auto const read = file.read_all("/input/tokens", &shape);
      std::vector<std::int32_t> const tokens(read.begin(), read.end());
      io::DatasetContents contents;
      contents.kind = io::SampleKind::tokens;
      contents.sample_shape = {shape[1]};
      contents.samples = std::span<std::int32_t const>(tokens);
      io::write_dataset(dir / (name + "_data.h5"), {}, contents);
      return dir / (name + "_data.h5");
    }
    auto const images = file.read_all("/input/images", &shape);
    io::DatasetContents contents;
    contents.kind = io::SampleKind::images;
    contents.sample_shape = {shape[1], shape[2], shape[3]};
    contents.samples = std::span<double const>(images);
    io::write_dataset(dir / (name + "_data.h5"), {}, contents);
    return dir / (name + "_data.h5");
  }
  Outcome import(Tensors const& tensors, Words const& more = {}) {
    tensors.write(dir / "in.safetensors");
    Words words{"import", dir / "in.safetensors", "--family", family, "-o", dir / "m.h5"};
    words.insert(words.end(), more.begin(), more.end());
    return krate(words);
  }
  /// Largest difference of the predicted logits from the reference, relative to the largest logit.
  double error_of_logits(std::string const& name, std::string const& path = "/output/logits") {
    auto const outcome = krate({"predict", dir / "m.h5", "--data", data_of(name), "-o", dir / "out.h5"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    auto const found = io::File::open(dir / "out.h5").read_all("/logits");
    auto const expected = io::File::open(krate::testing::reference_file(name + ".h5")).read_all(path);
    double worst = 0, largest = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      worst = std::max(worst, std::abs(found[i] - expected[i]));
      largest = std::max(largest, std::abs(expected[i]));
    }
    return worst / largest;
  }
  void export_to(std::string const& name, Words const& more = {}) {
    Words words{"export", dir / "m.h5", "-o", dir / name};
    words.insert(words.end(), more.begin(), more.end());
    auto const outcome = krate(words);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  }
  /// Names, types, shapes and bits are those of the file that was imported.
  void expect_same(std::string const& name) {
    SafetensorsReader const before(dir / "in.safetensors"), after(dir / name);
    ASSERT_EQ(before.tensors().size(), after.tensors().size());
    for (std::size_t i = 0; i < before.tensors().size(); ++i) {
      auto const &a = before.tensors()[i], &b = after.tensors()[i];
      EXPECT_EQ(a.name, b.name);
      EXPECT_EQ(a.type, b.type) << a.name;
      EXPECT_EQ(a.shape, b.shape) << a.name;
      std::vector<double> x(a.size()), y(b.size());
      before.read<double>(a, x);
      after.read<double>(b, y);
      EXPECT_EQ(x, y) << a.name;
    }
  }
};

TEST_F(Exchange, AnImportedModelComputesTheReference) {
  for (std::string const name : {"crate_tiny_cls", "crate_mean", "crate_heads1", "crate_rect"}) {
    SCOPED_TRACE(name);
    EXPECT_EQ(import(reference(name)).exit_code, 0);
    EXPECT_LE(error_of_logits(name), 1.3e-5);
    export_to("back.safetensors");
    expect_same("back.safetensors");
    EXPECT_EQ(import(reference(name, TensorType::f64)).exit_code, 0);
    EXPECT_LE(error_of_logits(name), 1e-10);
    export_to("back.safetensors");
    expect_same("back.safetensors");
  }
}

TEST_F(Exchange, TheVisionTowerOfClipaEmbedsAndGoesOutUnderItsNames) {
  family = "crate_alpha";
  auto const tower = reference("crate_alpha_clip", TensorType::f64);
  EXPECT_EQ(import(tower).exit_code, 0);
  EXPECT_LE(error_of_logits("crate_alpha_clip", "/output/embedding"), 1e-10);
  export_to("back.safetensors");
  expect_same("back.safetensors");
  // Without its configuration and beside a text tower.
  Tensors whole{.all = tower.all, .metadata = {}};
  whole.all["logit_scale"] = {TensorType::f32, {}, {1}};
  expect_failure(import(whole), "give --heads");
  auto const made = json_of(import(whole, {"--heads", "3", "--json"}));
  EXPECT_EQ(made["tensors"], tower.all.size());
  EXPECT_EQ(made["parameters"], 15960 - 2 * 2 * 24 * 24);  // one copy of U a block
  EXPECT_LE(error_of_logits("crate_alpha_clip", "/output/embedding"), 1e-10);
  whole.all["visual.transformer.resblocks.0.attn.in_proj_weight"].values[700] += 1;
  expect_failure(import(whole, {"--heads", "3"}), "holds 3 matrices that differ");
}

TEST_F(Exchange, ACausalModelComputesTheReferenceUnderAllItsNames) {
  family = "causal_crate";
  for (std::string const name : {"crate_causal_overcomplete", "crate_causal"}) {
    EXPECT_EQ(import(reference(name, TensorType::f64)).exit_code, 0);
    EXPECT_LE(error_of_logits(name), 1e-10);
    export_to("back.safetensors");
    expect_same("back.safetensors");  // transformer.wte.weight and lm_head.weight
  }
  auto const tensors = reference("crate_causal", TensorType::f64);
  // Without its configuration, of the tied names one, with the masks that the authors' programs store, compiled.
  Tensors other;
  for (auto const& [name, tensor] : tensors.all)
    if (name != "lm_head.weight") other.all["_orig_mod." + name] = tensor;
  for (auto const* block : {"0", "1"})
    other.all["_orig_mod.transformer.h." + std::string(block) + ".attn.bias"] = {
        TensorType::f32, {1, 1, 12, 12}, std::vector<double>(144, 1)};
  expect_failure(import(other), "give --heads");
  auto const made = json_of(import(other, {"--heads", "4", "--json"}));
  EXPECT_EQ(made["buffers_dropped"], 2);
  EXPECT_LE(error_of_logits("crate_causal"), 1e-10);
  expect_failure(import(other, {"--heads", "4", "--patch-size", "8"}), "--patch-size means nothing");
  expect_failure(import(other, {"--heads", "4", "--resolution", "8"}), "--resolution means nothing");
  other.all["lm_head.weight"] = tensors.all.at("lm_head.weight");
  other.all["lm_head.weight"].values[3] += 1;
  expect_failure(import(other, {"--heads", "4"}), "differ, but the model has one parameter for both");
}

TEST_F(Exchange, AMaskedModelGoesInAndOut) {
  family = "crate_bert";
  auto tensors = reference("crate_bert", TensorType::f64);
  EXPECT_EQ(import(tensors).exit_code, 0);
  export_to("back.safetensors");
  expect_same("back.safetensors");  // tied tensors under both names
  tensors.metadata.clear();
  for (auto const* tied : {"lm_head.decoder.weight", "lm_head.decoder.bias"}) tensors.all.erase(tied);
  expect_failure(import(tensors), "give --heads");
  EXPECT_EQ(import(tensors, {"--heads", "3"}).exit_code, 0);
}

TEST_F(Exchange, AlphaGoesBothWays) {
  family = "crate_alpha";
  for (auto const type : {TensorType::f32, TensorType::f64}) {
    EXPECT_EQ(import(reference("crate_alpha", type)).exit_code, 0);
    EXPECT_LE(error_of_logits("crate_alpha"), type == TensorType::f32 ? 1.3e-5 : 1e-10);
    export_to("back.safetensors");
    expect_same("back.safetensors");
  }
  auto tensors = reference("crate_alpha");
  tensors.metadata.clear();
  EXPECT_EQ(import(tensors, {"--heads", "3"}).exit_code, 0);
  EXPECT_EQ(io::File::open(dir / "m.h5").attributes("/config").get<std::int64_t>("expansion"), 4);
  expect_failure(import(tensors), "give --heads");
  for (auto at = tensors.all.begin(); at != tensors.all.end();)
    at = at->first.ends_with(".D1") ? tensors.all.erase(at) : std::next(at);
  EXPECT_EQ(import(tensors, {"--heads", "3"}).exit_code, 0);
  EXPECT_EQ(io::File::open(dir / "m.h5").attributes("/config").get<std::string>("variant"), "overcomplete");
}

TEST_F(Exchange, MaeGoesBothWaysWithWhatItDoesNotUse) {
  family = "crate_mae";
  for (std::string const name : {"crate_mae", "crate_mae_normpix"}) {
    for (auto const type : {TensorType::f32, TensorType::f64}) {
      auto const made = import(reference(name, type));
      EXPECT_EQ(made.exit_code, 0) << made.err;
      export_to("back.safetensors");
      expect_same("back.safetensors");
    }
    EXPECT_EQ(io::File::open(dir / "m.h5").attributes("/config").get<std::int64_t>("norm_pix_loss"),
              name == "crate_mae_normpix");
  }
  auto tensors = reference("crate_mae");
  tensors.metadata.clear();
  EXPECT_EQ(import(tensors, {"--heads", "3"}).exit_code, 0);
  auto const config = io::File::open(dir / "m.h5").attributes("/config");
  EXPECT_EQ(config.get<std::int64_t>("decoder_depth"), 3);
  EXPECT_EQ(config.get<std::vector<std::int64_t>>("image_size"), (std::vector<std::int64_t>{12, 12}));
  expect_failure(import(tensors), "give --heads");
  EXPECT_EQ(import(tensors, {"--heads", "3", "--resolution", "16x12"}).exit_code, 0);
}

TEST_F(Exchange, TostGoesBothWaysWithWhatBatchNormCollected) {
  family = "tost";
  auto const counter = [](std::string const& name) { return name.ends_with(".num_batches_tracked"); };
  for (auto const type : {TensorType::f32, TensorType::f64}) {
    auto tensors = reference("tost", type);
    std::erase_if(tensors.all, [&](auto const& tensor) { return counter(tensor.first); });
    auto const made = import(tensors);
    EXPECT_EQ(made.exit_code, 0) << made.err;
    EXPECT_LE(error_of_logits("tost", "/output/logits_eval"), type == TensorType::f32 ? 1.3e-5 : 1e-10);
    export_to("back.safetensors");
    expect_same("back.safetensors");
  }
  auto tensors = reference("tost");
  tensors.metadata.clear();
  EXPECT_EQ(json_of(import(tensors, {"--image-size", "24x32", "--json"}))["buffers_dropped"], 3);
  EXPECT_LE(error_of_logits("tost", "/output/logits_eval"), 1.3e-5);
  expect_failure(import(tensors), "give --image-size");
  expect_failure(import(tensors, {"--image-size", "24x32", "--pool", "cls"}), "--pool means nothing");
}

TEST_F(Exchange, ACausalTostGoesBothWays) {
  family = "tost_causal";
  for (auto const type : {TensorType::f32, TensorType::f64}) {
    EXPECT_EQ(import(reference("tost_causal", type)).exit_code, 0);
    EXPECT_LE(error_of_logits("tost_causal"), type == TensorType::f32 ? 1.3e-5 : 1e-10);
    export_to("back.safetensors");
    expect_same("back.safetensors");
  }
  auto tensors = reference("tost_causal", TensorType::f64);
  tensors.metadata.clear();  // the shapes tell everything
  EXPECT_EQ(import(tensors).exit_code, 0);
  EXPECT_LE(error_of_logits("tost_causal"), 1e-10);
  expect_failure(import(tensors, {"--eta", "0.1"}), "--eta means nothing");
}

TEST_F(Exchange, TransformersGoBothWays) {
  for (std::string const name : {"vit", "gpt2"}) {
    SCOPED_TRACE(name);
    family = name;
    for (auto const type : {TensorType::f32, TensorType::f64}) {
      EXPECT_EQ(import(reference(name + "_tiny", type)).exit_code, 0);
      EXPECT_LE(error_of_logits(name + "_tiny"), type == TensorType::f32 ? 1.3e-5 : 1e-10);
      export_to("back.safetensors");
      expect_same("back.safetensors");
    }
    auto tensors = reference(name + "_tiny", TensorType::f64);
    tensors.metadata.clear();
    Words flags{"--heads", "3"};
    if (name == "vit") flags.insert(flags.end(), {"--image-size", "12x8"});  // 6 patches are no square
    EXPECT_EQ(import(tensors, flags).exit_code, 0);
    EXPECT_LE(error_of_logits(name + "_tiny"), 1e-10);
    expect_failure(import(tensors), "give --heads");
    flags.insert(flags.end(), {"--eta", "0.1"});
    expect_failure(import(tensors, flags), "--eta means nothing");
  }
}

TEST_F(Exchange, ACrateWithOtherHalvesGoesBothWays) {
  for (std::string const name : {"crate_mssa_mlp", "crate_mhsa_ista", "crate_mhsa_mlp"}) {
    SCOPED_TRACE(name);
    auto tensors = reference(name, TensorType::f64);
    EXPECT_EQ(import(tensors).exit_code, 0);
    EXPECT_LE(error_of_logits(name), 1e-10);
    export_to("back.safetensors");
    expect_same("back.safetensors");
    tensors.metadata.clear();
    EXPECT_EQ(import(tensors, {"--heads", "3", "--image-size", "12x8"}).exit_code, 0);
    EXPECT_LE(error_of_logits(name), 1e-10);
  }
}

TEST_F(Exchange, TheConfigurationComesFromShapesAndFlags) {
  auto tensors = reference("crate_tiny_cls");
  tensors.metadata.clear();
  auto const made = json_of(import(tensors, {"--heads", "4", "--json"}));
  EXPECT_EQ(made["parameters"], 12394);
  EXPECT_EQ(made["dtype"], "F32");
  EXPECT_LE(error_of_logits("crate_tiny_cls"), 1.3e-5);
  expect_failure(import(tensors), "give --heads");
  expect_failure(import(tensors, {"--heads", "5"}), "heads = 5");
  expect_failure(import(tensors, {"--heads", "4", "--patch-size", "8"}), "must divide the 48 values of a patch");

  auto const stored = [&](char const* name) {
    auto const config = io::File::open(dir / "m.h5").attributes("/config");
    return config.get<std::vector<std::int64_t>>(name);
  };
  auto grey = reference("crate_rect");
  grey.metadata.clear();
  expect_failure(import(grey, {"--heads", "3"}), "give --image-size");  // 12 patches are no square
  EXPECT_EQ(import(grey, {"--heads", "3", "--image-size", "9x12"}).exit_code, 0);
  EXPECT_EQ(stored("patch_size"), (std::vector<std::int64_t>{3, 3}));
  EXPECT_EQ(stored("channels"), std::vector<std::int64_t>{1});
  EXPECT_LE(error_of_logits("crate_rect"), 1.3e-5);

  auto one_head = reference("crate_heads1");
  one_head.metadata.clear();
  EXPECT_EQ(import(one_head).exit_code, 0);
  EXPECT_EQ(stored("heads"), std::vector<std::int64_t>{1});
}

TEST_F(Exchange, FlagsDoNotContradictTheFile) {
  auto const tensors = reference("crate_tiny_cls");
  EXPECT_EQ(import(tensors, {"--heads", "4", "--image-size", "16", "--pool", "cls"}).exit_code, 0);
  expect_failure(import(tensors, {"--heads", "8"}), "--heads");
  expect_failure(import(tensors, {"--pool", "mean"}), "--pool");
  expect_failure(import(tensors, {"--dim", "32"}), "--dim");
  auto other = tensors;
  other.metadata["config"] = R"({"model":"tost"})";
  expect_failure(import(other), "tost");
  other.metadata["config"] = "{";
  expect_failure(import(other), "config is no JSON object");
  other.metadata["config"] = R"({"model":"crate","heads":"four"})";
  expect_failure(import(other), "'heads' is text");
  other.metadata["config"] = R"({"dim":16777216,"depth":10000,"heads":4,"image_size":16,"patch_size":4,"channels":3,
                                 "num_classes":10})";
  expect_failure(import(other), "do not fit");
  EXPECT_EQ(dir.count(), 2u);  // in.safetensors and the model of the first line
}

TEST_F(Exchange, WrappersPrefixesAndBuffers) {
  Tensors wrapped;
  wrapped.metadata = reference("crate_tiny_cls").metadata;
  for (auto const& [name, tensor] : reference("crate_tiny_cls").all) wrapped.all["_orig_mod.module." + name] = tensor;
  EXPECT_EQ(import(wrapped).exit_code, 0);
  EXPECT_LE(error_of_logits("crate_tiny_cls"), 1.3e-5);
  auto twice = wrapped;
  twice.all["module.cls_token"] = twice.all["_orig_mod.module.cls_token"];
  expect_failure(import(twice), "_orig_mod.module.cls_token and module.cls_token are the same");

  // Buffers, put into the header by hand: the writer takes no integers.
  reference("crate_tiny_cls").write(dir / "plain.safetensors");
  std::string const bytes = content_of(dir / "plain.safetensors");
  std::uint64_t const length = static_cast<unsigned char>(bytes[0]) + 256u * static_cast<unsigned char>(bytes[1]);
  std::string header = bytes.substr(8, length);
  auto const end = std::to_string(bytes.size() - 8 - length), next = std::to_string(bytes.size() - length),
             last = std::to_string(bytes.size() - length + 4);
  header.erase(header.find_last_of('}'));
  header += R"(,"num_batches_tracked":{"dtype":"I64","shape":[],"data_offsets":[)" + end + "," + next +
            R"(]},"transformer.layers.0.0.attn.bias":{"dtype":"BOOL","shape":[1,1,2,2],"data_offsets":[)" + next + "," +
            last + "]}}";
  std::string size(8, '\0');
  size[0] = static_cast<char>(header.size() & 0xff);
  size[1] = static_cast<char>(header.size() >> 8);
  dir.write("buffers.safetensors", size + header + bytes.substr(8 + length) + std::string(12, '\1'));
  auto const made =
      json_of(krate({"import", dir / "buffers.safetensors", "--family", "crate", "-o", dir / "m.h5", "--json"}));
  EXPECT_EQ(made["buffers_dropped"], 2);
  EXPECT_EQ(made["tensors"], 36);
}

TEST_F(Exchange, NamesThatDoNotFitAreListed) {
  auto tensors = reference("crate_tiny_cls");
  auto const without = [&](std::string const& name) {
    auto copy = tensors;
    copy.all.erase(name);
    return copy;
  };
  expect_failure(import(without("transformer.layers.1.1.fn.weight")), "1 missing (transformer.layers.1.1.fn.weight)");
  expect_failure(import(without("cls_token")), "has no tensor cls_token");
  auto more = tensors;
  for (std::string const name : {"a", "b", "c", "d", "e", "f"}) more.all["extra." + name] = {TensorType::f32, {1}, {0}};
  expect_failure(import(more), "6 that the model does not have (extra.a, extra.b, extra.c, extra.d and 2 more)");
  auto turned = tensors;
  turned.all["mlp_head.1.weight"].shape = {32, 10};
  expect_failure(import(turned), "mlp_head.1.weight [32, 10] where [10, 32] is expected");
  turned.all["cls_token"].shape = {32};
  expect_failure(import(turned), "2 of another shape (cls_token [32] where [1, 1, 32] is expected, mlp_head");
  EXPECT_EQ(dir.count(), 1u);
}

TEST_F(Exchange, EachTensorKeepsItsType) {
  auto tensors = reference("crate_tiny_cls", TensorType::bf16);
  tensors.all["cls_token"].type = TensorType::f16;
  tensors.all["mlp_head.1.weight"].type = TensorType::f32;
  EXPECT_EQ(json_of(import(tensors, {"--json"}))["dtype"], "BF16");
  export_to("back.safetensors");
  expect_same("back.safetensors");
  export_to("half.safetensors", {"--dtype", "f16"});
  SafetensorsReader const half(dir / "half.safetensors");
  for (auto const& tensor : half.tensors()) EXPECT_EQ(tensor.type, TensorType::f16);
  tensors.all["mlp_head.1.weight"].type = TensorType::f64;  // the model is one of double precision then
  EXPECT_EQ(import(tensors).exit_code, 0);
  export_to("back.safetensors");
  expect_same("back.safetensors");
  tensors.all["mlp_head.1.weight"].values[7] = 1e6;
  EXPECT_EQ(import(tensors).exit_code, 0);
  expect_failure(krate({"export", dir / "m.h5", "-o", dir / "no.safetensors", "--dtype", "f16"}),
                 "'mlp_head.1.weight' holds 1e+06, which is beyond F16");
  expect_failure(krate({"export", dir / "m.h5", "-o", dir / "no.safetensors", "--dtype", "f8"}), "--dtype = f8");
  EXPECT_FALSE(dir.holds("no.safetensors"));
}

TEST_F(Exchange, TheDemosTwoMapsBecomeOne) {
  auto tensors = reference("crate_tiny_cls", TensorType::f64);
  auto const plain = tensors;
  // mlp_head.1 turns the features round, and head turns them back before the reference's map.
  std::size_t const d = 32;
  std::vector<double> turn(d * d), head(10 * d);
  for (std::size_t i = 0; i < d; ++i) turn[i * d + (i + 1) % d] = 2;
  auto const& map = plain.all.at("mlp_head.1.weight").values;
  for (std::size_t c = 0; c < 10; ++c)
    for (std::size_t i = 0; i < d; ++i) head[c * d + i] = map[c * d + (i + 1) % d] / 2;
  tensors.all["head.weight"] = {TensorType::f64, {10, d}, head};
  tensors.all["head.bias"] = plain.all.at("mlp_head.1.bias");
  tensors.all["mlp_head.1.weight"] = {TensorType::f64, {d, d}, turn};
  tensors.all["mlp_head.1.bias"] = {TensorType::f64, {d}, std::vector<double>(d, 0.0)};
  tensors.metadata.clear();
  EXPECT_EQ(import(tensors, {"--heads", "4"}).exit_code, 0);
  EXPECT_LE(error_of_logits("crate_tiny_cls"), 1e-10);
  tensors.all.erase("head.bias");
  expect_failure(import(tensors, {"--heads", "4"}), "head.bias");
}

TEST_F(Exchange, AnotherResolution) {
  auto const tensors = reference("crate_tiny_cls");
  EXPECT_EQ(import(tensors, {"--resolution", "24x32"}).exit_code, 0);
  auto const file = io::File::open(dir / "m.h5");
  EXPECT_EQ(file.attributes("/config").get<std::vector<std::int64_t>>("image_size"),
            (std::vector<std::int64_t>{24, 32}));
  EXPECT_EQ(file.info("/model/position_embedding").shape, (std::vector<std::size_t>{49, 32}));
  std::vector<float> const images(2 * 3 * 24 * 32, 0.5f);
  io::DatasetContents contents;
  contents.kind = io::SampleKind::images;
  contents.sample_shape = {3, 24, 32};
  contents.samples = std::span<float const>(images);
  io::write_dataset(dir / "d.h5", {}, contents);
  EXPECT_EQ(krate({"predict", dir / "m.h5", "--data", dir / "d.h5", "-o", dir / "out.h5"}).exit_code, 0);
  EXPECT_EQ(import(tensors, {"--resolution", "16"}).exit_code, 0);
  EXPECT_LE(error_of_logits("crate_tiny_cls"), 1.3e-5);
  expect_failure(import(tensors, {"--resolution", "18"}), "must divide the image's height 18");
  expect_failure(import(tensors, {"--resolution", "0"}), "--resolution");
}

TEST_F(Exchange, FamiliesAndForeignFiles) {
  reference("crate_tiny_cls").write(dir / "in.safetensors");
  auto const family = [&](std::string const& name) {
    return krate({"import", dir / "in.safetensors", "--family", name, "-o", dir / "m.h5"});
  };
  expect_failure(family("perceiver"), "no family 'perceiver'; use one of crate, crate_mae");
  auto const foreign = [&](std::string const& name, std::string const& content) {
    return krate({"import", dir.write(name, content), "--family", "crate", "-o", dir / "m.h5"});
  };
  std::string const zip("PK\x03\x04", 4);
  expect_failure(foreign("a.pt", zip + std::string(100, 'x')), "torch.load(\"" + dir / "a.pt\"");
  expect_failure(foreign("old.pt", "\x80\x02" + std::string(100, 'x')), "weights_only=True");
  expect_failure(foreign("a.npz", zip + std::string(100, 'x')), "numpy.load(");
  expect_failure(krate({"export", krate::testing::reference_file("crate_rect.h5"), "-o", dir / "x"}),
                 "no krate checkpoint");
  expect_failure(krate({"import", dir / "in.safetensors", "--family", "crate", "-o", dir / "in.safetensors"}),
                 "is also the input");
  EXPECT_FALSE(dir.holds("m.h5"));
}

}  // namespace
}  // namespace krate::testing
