// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate export: a model's parameters under the authors' names.
#include "tools/cli.hpp"
#include "tools/commands.hpp"

#include <nlohmann/json.hpp>
#include "tools/family.hpp"
#include "tools/files.hpp"

namespace krate::tools {

namespace {

io::TensorType floating_type(std::string const& name) {
  for (auto const type : {io::TensorType::f32, io::TensorType::f64, io::TensorType::f16, io::TensorType::bf16})
    if (io::tensor_type(name) == type) return type;
  throw ValueError("krate::export", "--dtype = " + name + ", but it must be f32, f64, f16 or bf16");
}

std::string types_text(models::TensorTypes types) {
  std::sort(types.begin(), types.end());
  types.erase(std::unique(types.begin(), types.end()), types.end());
  return types.size() == 1 ? io::name_of(types.front()) : "mixed";
}

}  // namespace

void add_export(cli::App& app, Context& context) {
  auto* const command = app.add_subcommand("export", "A model's parameters under the authors' names (safetensors)");
  command->footer(
      "Each tensor has the type that it was imported with, else that of training; other types are rounded to nearest "
      "even.\n"
      "The configuration stands in the metadata key `config`.\n"
      "Example: krate export run/model.h5 -o crate.safetensors --dtype bf16");
  struct Command {
    std::string model, output, type;
  };
  auto const given = std::make_shared<Command>();
  command->add_option("model", given->model, "Model file or checkpoint")->required()->option_text("M.h5");
  command->add_option("-o,--output", given->output, "The file to make")->required()->option_text("F.safetensors");
  command->add_option("--dtype", given->type, "Type of all tensors: f32, f64, f16 or bf16 [as imported or trained]")
      ->option_text("TYPE");
  context.add_json_flag(*command);
  command->callback([&context, given] {
    std::optional<io::TensorType> type;
    if (!given->type.empty()) type = floating_type(given->type);
    context.comm().guarded([&] { require_other(given->output, {given->model}); });
    io::CheckpointReader const file(given->model, context.comm());
    auto const made = family_named(file.model()).write(context, {file, type, given->output});
    std::string const types = types_text(made.types);
    if (context.json()) {
      return context.print_json({{"path", given->output},
                                 {"model", file.model()},
                                 {"parameters", made.parameters},
                                 {"tensors", made.tensors},
                                 {"dtype", types}});
    }
    context.print(given->output + ": " + std::to_string(made.parameters) + " parameters of a " + file.model() + " in " +
                  std::to_string(made.tensors) + " tensors (" + types + ")");
  });
}

}  // namespace krate::tools
