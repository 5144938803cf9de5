// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// krate analyze: what happens inside a trained model.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>

#include "krate/io/hdf5.hpp"
#include "tools/analysis.hpp"
#include "tools/commands.hpp"
#include "tools/files.hpp"
#include "tools/image.hpp"
#include "tools/png.hpp"
#include "tools/svg.hpp"

namespace krate::tools {

namespace fs = std::filesystem;

namespace {

struct Command {
  ModelArguments arguments;
  std::string output;
  double eps_squared = 0.01;
  std::int64_t block = -1;
};

std::shared_ptr<Command> add_analysis(CLI::App& analyze, Context& context, char const* name, char const* help,
                                      CLI::App*& app) {
  app = analyze.add_subcommand(name, help);
  auto const given = std::make_shared<Command>();
  add_model_arguments(*app, given->arguments, true);
  app->add_option("-o,--output", given->output, "Directory for the results; it is made if it is not there")
      ->required()
      ->option_text("DIR");
  context.add_json_flag(*app);
  return given;
}

void make_directory(Context& context, std::string const& path) {
  context.comm().guarded([&] {
    std::error_code error;
    if (context.comm().is_root()) fs::create_directories(path, error);
    if (error) throw IoError("krate::analyze", path + " cannot be made (" + error.message() + "); choose another DIR");
  });
}

std::string layers_chart(std::vector<LayerMeasure> const& layers) {
  Series rate{.name = "coding rate R^c"};
  for (std::size_t i = 0; i < layers.size(); ++i) {
    rate.x.push_back(static_cast<double>(i + 1));
    rate.y.push_back(layers[i].coding_rate);
    rate.spread.push_back(layers[i].coding_rate_std);
  }
  rate.markers = true;
  return line_chart({rate}, {.title = "Coding rate by layer", .x_label = "layer", .y_label = "nats"});
}

template <class T>
void analyze_layers(Context& context, ModelOnData<T>& run, Command const& command) {
  LayerSamples samples(run.model.blocks().depth());
  auto const mine = run.mine();
  run.inference.run(
      run.space, run.source, train::Part::train, mine, [](auto const&) {},
      [&](models::BlockView<Space, T> const& block) { samples.add(run.space, block, command.eps_squared); });
  auto const layers = samples.summary(run.comm);
  make_directory(context, command.output);
  run.comm.guarded([&] {
    if (!run.comm.is_root()) return;
    write_file(command.output + "/layers.csv", layers_csv(layers));
    write_file(command.output + "/layers.svg", layers_chart(layers));
  });
  if (context.json()) {
    Json rows = Json::array();
    for (std::size_t i = 0; i < layers.size(); ++i) {
      rows.push_back({{"layer", i + 1},
                      {"coding_rate", layers[i].coding_rate},
                      {"coding_rate_std", layers[i].coding_rate_std},
                      {"density", layers[i].density},
                      {"density_std", layers[i].density_std}});
    }
    return context.print_json({{"path", command.output + "/layers.csv"}, {"layers", rows}});
  }
  context.print("layer    coding rate R^c           density");
  for (std::size_t i = 0; i < layers.size(); ++i) {
    char line[128];
    std::snprintf(line, sizeof line, "%5zu  %9.3f +- %7.3f   %6.4f +- %6.4f", i + 1, layers[i].coding_rate,
                  layers[i].coding_rate_std, layers[i].density, layers[i].density_std);
    context.print(line);
  }
}

/// The first samples beside the maps of all heads, a row a sample.
template <class T>
void write_pictures(ModelOnData<T>& run, std::string const& path, std::vector<T> const& maps, std::size_t count) {
  auto const& c = run.model.config();
  std::size_t const h = c.image_size.height, w = c.image_size.width, heads = c.heads, patches = c.patches();
  std::size_t const columns = w / c.patch_size.width;
  Kokkos::View<T****, Kokkos::LayoutRight, DeviceOf<Space>> const images(
      Kokkos::view_alloc(run.space, "krate::tools::images"), count, c.channels, h, w);
  Kokkos::View<Label*, DeviceOf<Space>> const labels(Kokkos::view_alloc(run.space, "krate::tools::labels"), count);
  std::vector<std::size_t> first(count);
  std::iota(first.begin(), first.end(), std::size_t(0));
  run.source.fill(run.space, train::Part::train, first, Tensor4<T, Space>(images.data(), count, c.channels, h, w),
                  Vector<Label, Space>(labels.data(), count));
  auto const host = Kokkos::create_mirror_view_and_copy(Kokkos::view_alloc(run.space, Kokkos::HostSpace{}), images);
  run.space.fence("krate::tools::attention: images are read");
  std::size_t const zoom = std::max<std::size_t>(1, 96 / std::max(h, w));
  std::vector<Image> tiles;
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<double> pixels(h * w, 0.0);
    for (std::size_t ch = 0; ch < c.channels; ++ch)
      for (std::size_t e = 0; e < h * w; ++e) pixels[e] += static_cast<double>(host(i, ch, e / w, e % w));
    auto const [low, high] = std::minmax_element(pixels.begin(), pixels.end());
    Image const grey = enlarged(grey_image(pixels, h, w, *low, *high), zoom);
    Image picture(grey.width, grey.height, 3);
    for (std::size_t e = 0; e < grey.pixels.size(); ++e) std::fill_n(picture.pixels.begin() + 3 * e, 3, grey.pixels[e]);
    tiles.push_back(picture);
    for (std::size_t k = 0; k < heads; ++k) {
      std::vector<double> map(h * w);
      double largest = 0;
      for (std::size_t e = 0; e < h * w; ++e) {
        std::size_t const patch = (e / w / c.patch_size.height) * columns + e % w / c.patch_size.width;
        map[e] = static_cast<double>(maps[(i * heads + k) * patches + patch]);
        largest = std::max(largest, map[e]);
      }
      tiles.push_back(enlarged(colour_image(map, h, w, 0, largest), zoom));
    }
  }
  write_png(path, tiled(tiles, heads + 1, 4));
}

template <class T>
void analyze_attention(Context& context, ModelOnData<T>& run, Command const& command) {
  auto const& c = run.model.config();
  std::size_t const depth = c.depth, heads = c.heads, patches = c.patches();
  std::size_t const block =
      command.block >= 0 ? static_cast<std::size_t>(command.block) : depth - std::min<std::size_t>(depth, 2);
  require_value(block < depth, "krate::analyze", "--block", block,
                ("must be below the model's depth " + std::to_string(depth)).c_str());
  std::vector<T> maps;
  Kokkos::View<T***, Kokkos::LayoutRight, DeviceOf<Space>> const batch_maps(
      Kokkos::view_alloc(run.space, "krate::tools::maps"), run.batch, heads, patches);
  auto const mine = run.mine();
  run.inference.run(
      run.space, run.source, train::Part::train, mine, [](auto const&) {},
      [&](models::BlockView<Space, T> const& view) {
        if (view.index != block) return;
        std::size_t const count = view.tokens.extent(0);
        Tensor3<T, Space> const some(batch_maps.data(), count, heads, patches);
        analysis::class_token_attention(run.space, view.mssa.projected, view.mssa.log_sum, some);
        std::size_t const old = maps.size();
        maps.resize(old + some.size());
        Kokkos::deep_copy(run.space,
                          Kokkos::View<T*, Kokkos::HostSpace, impl::Unmanaged>(maps.data() + old, some.size()),
                          Vector<T, Space>(some.data(), some.size()));
        run.space.fence("krate::tools::attention: maps are read");
      });
  make_directory(context, command.output);
  std::size_t const total = run.source.size(train::Part::train);
  auto const share = comm::share_of(total, run.comm.rank(), run.comm.size());
  auto file = io::File::create(command.output + "/attention.h5", run.comm);
  file.template write<T>(
      "/maps", {total, heads, c.image_size.height / c.patch_size.height, c.image_size.width / c.patch_size.width},
      share.begin, share.count, maps);
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

void add_analyze(CLI::App& app, Context& context) {
  auto* const analyze = app.add_subcommand("analyze", "Look inside a trained model: layers, attention");
  analyze->require_subcommand(1);
  analyze->footer("Example: krate analyze layers run/model.h5 --data digits.h5 -o analysis");

  CLI::App* layers = nullptr;
  auto const of_layers = add_analysis(*analyze, context, "layers", "Coding rate and density of each block", layers);
  layers->add_option("--eps-squared", of_layers->eps_squared, "Squared distortion")->option_text("NUMBER [0.01]");
  layers->footer(
      "DIR/layers.csv: layer (from 1), coding_rate and density with their standard deviations over the samples; a "
      "chart\n"
      "beside. Example: krate analyze layers run/model.h5 --data digits.h5 -o analysis");
  layers->callback([&context, of_layers] {
    require_value(of_layers->eps_squared > 0 && std::isfinite(of_layers->eps_squared), "krate::analyze",
                  "--eps-squared", of_layers->eps_squared, "must be positive and finite; 0.01 is usual");
    with_model(context, of_layers->arguments, false, [&](auto& run) { analyze_layers(context, run, *of_layers); });
  });

  CLI::App* attention = nullptr;
  auto const of_attention = add_analysis(*analyze, context, "attention", "Where the class token looks", attention);
  attention->add_option("--block", of_attention->block, "Which block, from 0 [the last but one]")->option_text("INT");
  attention->footer(
      "DIR/attention.h5: /maps [samples, heads, rows, columns]; a picture of the first samples beside.\n"
      "Example: krate analyze attention run/model.h5 --data digits.h5 -o analysis");
  attention->callback([&context, of_attention] {
    with_model(context, of_attention->arguments, false,
               [&](auto& run) { analyze_attention(context, run, *of_attention); });
  });
}

}  // namespace krate::tools
