// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate analyze: what happens inside a trained model.
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "krate/io/hdf5.hpp"
#include "tools/analysis.hpp"
#include "tools/cli.hpp"
#include "tools/commands.hpp"
#include "tools/denoise.hpp"
#include "tools/files.hpp"
#include "tools/image.hpp"
#include "tools/landscape.hpp"
#include "tools/png.hpp"
#include "tools/sample_image.hpp"

namespace krate::tools {

namespace {

struct AnalyzeCommand {
  ModelArguments arguments;
  std::string output;
  std::int64_t block = -1;
};

std::shared_ptr<AnalyzeCommand> add_analysis(cli::App& analyze, Context& context, char const* name, char const* help,
                                             cli::App*& app) {
  app = analyze.add_subcommand(name, help);
  auto const given = std::make_shared<AnalyzeCommand>();
  add_model_arguments(*app, given->arguments, true);
  app->add_option("-o,--output", given->output, "Directory for the results; it is made if it is not there")
      ->required()
      ->option_text("DIR");
  context.add_json_flag(*app);
  return given;
}

void make_directory(Context& context, std::string const& path) {
  context.comm().guarded([&] {
    if (context.comm().is_root()) make_directories(path, "krate::analyze");
  });
}

/// The first samples beside the maps of all heads, a row a sample.
template <class Model>
void write_pictures(ModelOnData<Model>& run, std::string const& path, std::vector<typename Model::Scalar> const& maps,
                    std::size_t count) {
  using T = typename Model::Scalar;
  auto const& c = run.model.config();
  std::size_t const h = c.image_size.height, w = c.image_size.width, heads = c.heads, patches = c.patches();
  Kokkos::View<T****, Kokkos::LayoutRight, DeviceOf<Space>> const images(
      Kokkos::view_alloc(run.space, "krate::tools::images"), count, c.channels, h, w);
  Kokkos::View<Label*, DeviceOf<Space>> const labels(Kokkos::view_alloc(run.space, "krate::tools::labels"), count);
  std::vector<std::size_t> first(count);
  std::iota(first.begin(), first.end(), std::size_t(0));
  run.source.fill(run.space, train::Part::train, first, Tensor4<T, Space>(images.data(), count, c.channels, h, w),
                  Vector<Label, Space>(labels.data(), count));
  auto const host = Kokkos::create_mirror_view_and_copy(Kokkos::view_alloc(run.space, Kokkos::HostSpace{}), images);
  run.space.fence("krate::tools::attention: images are read");
  std::size_t const zoom = std::max<std::size_t>(1, 96 / std::max(h, w)), size = c.channels * h * w;
  double const largest = maps.empty() ? 0 : static_cast<double>(*std::max_element(maps.begin(), maps.end()));
  std::vector<Image> tiles;
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<double> const pixels(host.data() + i * size, host.data() + (i + 1) * size);
    Image const picture = sample_image(pixels, c.channels, h, w);
    tiles.push_back(enlarged(picture, zoom));
    for (std::size_t k = 0; k < heads; ++k) {
      auto const map = maps.begin() + static_cast<std::ptrdiff_t>((i * heads + k) * patches);
      tiles.push_back(
          enlarged(patches_over(picture, std::vector<double>(map, map + static_cast<std::ptrdiff_t>(patches)),
                                grid_of(c).height, grid_of(c).width, largest),
                   zoom));
    }
  }
  write_png(path, tiled(tiles, heads + 1, 4));
}

template <class Model>
void analyze_attention(Context& context, ModelOnData<Model>& run, AnalyzeCommand const& command) {
  using T = typename Model::Scalar;
  auto const& c = run.model.config();
  std::size_t const depth = attention_layers(run.model), heads = c.heads, patches = c.patches();
  auto const grid = grid_of(c);
  std::size_t const block =
      command.block >= 0 ? static_cast<std::size_t>(command.block) : default_attention_block(depth);
  require_value(block < depth, "krate::analyze", "--block", block,
                ("must be below " + std::to_string(depth) + ", the number of these").c_str());
  auto const maps = attention_maps(run, run.mine(), block);
  make_directory(context, command.output);
  std::size_t const total = run.source.size(train::Part::train);
  auto const share = comm::share_of(total, run.comm.rank(), run.comm.size());
  auto file = io::File::create(command.output + "/attention.h5", run.comm);
  file.template write<T>("/maps", {total, heads, grid.height, grid.width}, share.begin, share.count, maps);
  file.set_attribute("/maps", "block", static_cast<std::int64_t>(block));
  file.commit();
  run.comm.guarded([&] {
    if (run.comm.is_root())
      write_pictures(run, command.output + "/attention.png", maps,
                     std::min<std::size_t>(8, maps.size() / (heads * patches)));
  });
  if (context.json()) {
    return context.print_json({{"path", command.output + "/attention.h5"}, {"samples", total}, {"block", block}});
  }
  context.print(command.output + "/attention.h5: maps of " + std::to_string(total) + " samples, block " +
                std::to_string(block) + " of 0 to " + std::to_string(depth - 1));
}

}  // namespace

void add_analyze(cli::App& app, Context& context) {
  auto* const analyze = app.add_subcommand(
      "analyze",
      "Look inside a trained model: layers, attention, objective, probe; and at what it climbs: landscape, denoise");
  analyze->require_subcommand(1);
  analyze->footer("Example: krate analyze layers run/model.h5 --data digits.h5 -o analysis");

  add_analyze_layers(*analyze, context);
  cli::App* attention = nullptr;
  auto const of_attention = add_analysis(*analyze, context, "attention", "Where the class token looks", attention);
  attention->add_option("--block", of_attention->block, "Which block, from 0 [the last but one]")->option_text("INT");
  attention->footer(
      "Of crate, crate_alpha and the encoder of crate_mae, to which all patches are shown; of tost, whose class token\n"
      "comes behind the blocks: --block counts the layers in which it attends to patches.\n"
      "DIR/attention.h5: /maps [samples, heads, rows, columns]; a picture of the first samples beside.\n"
      "Example: krate analyze attention run/model.h5 --data digits.h5 -o analysis");
  attention->callback([&context, of_attention] {
    with_model<ClassTokenModels>(context, of_attention->arguments, false,
                                 [&](auto& run) { analyze_attention(context, run, *of_attention); });
  });

  add_analyze_inversion(*analyze, context);
  add_analyze_objective(*analyze, context);
  add_analyze_probe(*analyze, context);
  add_landscape(*analyze, context);
  add_denoise(*analyze, context);
}

}  // namespace krate::tools
