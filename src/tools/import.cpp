// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate import: a model file from the authors' parameters.
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "tools/cli.hpp"
#include "tools/commands.hpp"
#include "tools/family.hpp"
#include "tools/files.hpp"
#include "tools/flax_tensors.hpp"
#include "tools/options.hpp"

namespace krate::tools {

namespace {

constexpr char const* in_import = "krate::import";

/// What PyTorch's programs write by themselves are archives of pickles: their own programs convert them. Archives of
/// arrays are read for the family whose authors publish such.
std::unique_ptr<io::TensorFile> open_tensors(std::string const& path, std::string const& family) {
  std::string first(512, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(first.data(), static_cast<std::streamsize>(first.size()));
  first.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  bool const zip = first.starts_with("PK\x03\x04"), pickle = first.starts_with("\x80\x02");
  if (zip && (first.find(".npy") != first.npos || path.ends_with(".npz"))) {
    if (family == "crate_alpha") return std::make_unique<FlaxTensors>(path);
    throw IoError(in_import,
                  path +
                      ": is an archive of NumPy arrays, which krate reads for --family crate_alpha only; convert "
                      "it in Python: "
                      "import numpy, safetensors.numpy as st; st.save_file(dict(numpy.load(\"" +
                      path + "\")), \"model.safetensors\")");
  }
  if (zip || pickle) {
    throw IoError(in_import,
                  path +
                      ": is a PyTorch file (a pickle, which can run programs), which krate does not read; convert it "
                      "in Python: import torch, safetensors.torch as st; f = torch.load(\"" +
                      path +
                      "\", \"cpu\", weights_only=True); st.save_file({k: v.clone().contiguous() for k, v in "
                      "f.get(\"state_dict\", f.get(\"model\", f)).items()}, \"model.safetensors\")");
  }
  return std::make_unique<io::SafetensorsReader>(path);
}

OptionTable configuration_flags() {
  OptionTable flags("krate::import");
  flags.add<std::int64_t>("heads", {}, "Attention heads").at_least(1);
  flags.add<Pair>("image-size", {}, "Size of an image, e.g. 224 or 24x32");
  flags.add<Pair>("patch-size", {}, "Size of a patch, e.g. 16 or 3x4");
  flags.add<std::int64_t>("channels", {}, "Channels of an image").at_least(1);
  flags.add<std::string>("pool", {}, "What goes to the head: class token or mean").one_of({"cls", "mean"});
  flags.add<double>("eta", {}, "Step size of the sparse coding step (0.1 unless the file says)").above(0);
  flags.add<double>("lambda", {}, "Sparsity weight (0.1 unless the file says)").at_least(0);
  flags.add<Pair>("resolution", {}, "Make a model for images of another size: positions are interpolated");
  return flags;
}

Configuration given_in(OptionTable const& flags) {
  Configuration given("the command line");
  for (auto const& [name, value] : flags.values()) {
    if (name == "resolution") continue;  // of the model to make, not of the file's
    if (auto const* pair = std::get_if<Pair>(&value))
      given.set(name, Attribute(std::vector<std::int64_t>{pair->rows, pair->columns}));
    else if (auto const* integer = std::get_if<std::int64_t>(&value))
      given.set(name, *integer);
    else if (auto const* number = std::get_if<double>(&value))
      given.set(name, *number);
    else if (auto const* text = std::get_if<std::string>(&value))
      given.set(name, Attribute(*text));
  }
  return given;
}

void report(Context& context, std::string const& output, ImportSummary const& made) {
  if (context.json()) {
    return context.print_json({{"path", output},
                               {"model", made.config.get<std::string>("model")},
                               {"parameters", made.parameters},
                               {"tensors", made.tensors},
                               {"buffers_dropped", made.buffers},
                               {"dtype", made.config.get<std::string>("dtype")}});
  }
  context.print(output + ": a " + made.config.get<std::string>("model") + " of " + std::to_string(made.parameters) +
                " parameters (" + made.config.get<std::string>("dtype") + "), from " + std::to_string(made.tensors) +
                " tensors" + (made.buffers ? "; dropped buffers: " + std::to_string(made.buffers) : "") +
                (made.joined ? "; the head's two linear maps became their product" : ""));
}

}  // namespace

void add_import(cli::App& app, Context& context) {
  auto* const command = app.add_subcommand("import", "A model file from the authors' parameters");
  command->footer(
      "The file is of safetensors; for crate_alpha it may be its JAX code's flax tree as NumPy archive (.npz), keys "
      "with "
      "/.\n"
      "The file has the official parameter names; prefixes module. and _orig_mod. are taken off, integer and bool "
      "buffers\n"
      "dropped. The configuration comes from the metadata key `config` (JSON, names as in model files), then from "
      "shapes,\n"
      "then from the flags above. Each tensor's type is remembered for export.\n"
      "Families: " +
      family_names() + ".\nExample: krate import crate.safetensors --family crate --heads 6 -o crate.h5");
  struct Command {
    std::string input, family, output;
    OptionTable flags = configuration_flags();
  };
  auto const given = std::make_shared<Command>();
  command->add_option("file", given->input, "The parameters")->required()->option_text("F.safetensors|F.npz");
  command->add_option("--family", given->family, "What they are the parameters of")->required()->option_text("NAME");
  command->add_option("-o,--output", given->output, "The model file to make (HDF5)")->required()->option_text("M.h5");
  given->flags.bind(*command);
  context.add_json_flag(*command);
  command->callback([&context, given] {
    auto const& family = family_named(given->family);
    std::unique_ptr<io::TensorFile> file;
    context.comm().guarded([&] {
      require_other(given->output, {given->input});
      file = open_tensors(given->input, given->family);
    });
    std::optional<models::Extent2> resolution;
    if (given->flags.has_value("resolution")) {
      auto const [height, width] = given->flags.get<Pair>("resolution");
      require_value(std::min(height, width) > 0 && std::max(height, width) <= 1 << 16, in_import, "--resolution",
                    std::min(height, width), "must be between 1 and 65536");
      resolution.emplace(static_cast<std::size_t>(height), static_cast<std::size_t>(width));
    }
    report(context, given->output, family.import(context, {*file, given_in(given->flags), resolution, given->output}));
  });
}

}  // namespace krate::tools
