// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "krate/io/hdf5.hpp"
#include "tools/ctrl.hpp"
#include "tools/files.hpp"
#include "tools/plot.hpp"
#include "tools/png.hpp"

namespace krate::tools {

namespace {

constexpr char const* stages[] = {"samples", "codes", "decoded", "recoded"};

void write_hdf5(CtrlTask const& task, std::vector<CtrlResult> const& results, std::string const& path) {
  auto file = io::File::create(path, comm::Communicator());
  file.set_attribute("/", "task", to_json(task).dump());
  for (std::size_t i = 0; i < results.size(); ++i) {
    auto const& s = task.settings[i];
    auto const& r = results[i];
    std::string const group = "/" + s.name;
    auto const write = [&](std::string const& name, std::vector<std::size_t> const& shape,
                           std::vector<double> const& values) {
      file.write_replicated<double>(group + "/" + name, shape, values);
    };
    write("expansion", {task.replicas, r.steps}, r.expansion);
    write("inconsistency", {task.replicas, r.steps}, r.inconsistency);
    if (s.hidden > 0) {
      write("encoder", {task.replicas, r.encoder.size() / task.replicas}, r.encoder);
      write("decoder", {task.replicas, r.decoder.size() / task.replicas}, r.decoder);
    } else {
      write("encoder", {task.replicas, s.rule.width, r.dim}, r.encoder);
      write("decoder", {task.replicas, r.dim, s.rule.width}, r.decoder);
    }
    std::vector<double> scores;
    for (auto const& x : r.scores)
      scores.insert(scores.end(),
                    {x.expansion, x.inconsistency, x.largest_cosine, x.mean_cosine, x.least_ratio, x.largest_ratio});
    write("scores", {task.replicas, 6}, scores);
    for (std::size_t k = 0; k < 4; ++k) {
      std::string const name = std::string("singular_values/") + stages[k];
      write(name + "/all", {r.view.singular_values[k].size()}, r.view.singular_values[k]);
      for (std::size_t j = 0; j < r.view.by_class[k].size(); ++j)
        write(name + "/class_" + std::to_string(j), {r.view.by_class[k][j].size()}, r.view.by_class[k][j]);
      write(std::string("cosine/") + stages[k], {r.view.shown, r.view.shown}, r.view.cosine[k]);
    }
  }
  file.commit();
}

struct Curve {
  std::vector<double> mean, deviation;
  Curve(std::vector<double> const& rows, std::size_t steps) : mean(steps, 0.0), deviation(steps, 0.0) {
    double const count = static_cast<double>(steps > 0 ? rows.size() / steps : 1);
    for (std::size_t k = 0; k < rows.size(); ++k) mean[k % steps] += rows[k] / count;
    for (std::size_t k = 0; k < rows.size(); ++k) deviation[k % steps] += std::pow(rows[k] - mean[k % steps], 2);
    for (double& d : deviation) d = count > 1 ? std::sqrt(d / (count - 1)) : 0;
  }
};

std::string csv(CtrlResult const& r) {
  Curve const q(r.expansion, r.steps), c(r.inconsistency, r.steps);
  std::string text = "step,expansion,expansion_deviation,inconsistency,inconsistency_deviation\n";
  for (std::size_t k = 0; k < r.steps; ++k) {
    char row[160];
    std::snprintf(row, sizeof row, "%zu,%.10g,%.10g,%.10g,%.10g\n", k + 1, q.mean[k], q.deviation[k], c.mean[k],
                  c.deviation[k]);
    text += row;
  }
  return text;
}

Series series_of(std::string const& name, std::vector<double> const& y) {
  Series s{.name = name, .y = y};
  for (std::size_t k = 0; k < y.size(); ++k) s.x.push_back(static_cast<double>(k + 1));
  return s;
}

Image curves(CtrlResult const& r) {
  std::vector<Image> panels;
  auto const panel = [&](std::string const& title, std::vector<double> const& rows) {
    Curve const c(rows, r.steps);
    auto s = series_of("", c.mean);
    s.spread = c.deviation;
    std::vector<Series> all{s};
    if (title == "expansion" && r.equilibrium > 0)
      all.push_back(series_of("closed form", std::vector<double>(r.steps, r.equilibrium)));
    panels.push_back(line_picture(all, {.title = title, .x_label = "encoder step", .width = 480, .height = 340}));
  };
  panel("expansion", r.expansion);
  panel("inconsistency", r.inconsistency);
  std::vector<Series> spectra;
  for (std::size_t k = 0; k < 4; ++k) {
    auto values = r.view.singular_values[k];
    values.resize(std::min<std::size_t>(values.size(), 60));
    spectra.push_back(series_of(stages[k], values));
  }
  panels.push_back(
      line_picture(spectra, {.title = "singular values", .x_label = "number", .width = 480, .height = 340}));
  return tiled(panels, panels.size(), 0);
}

Image heat_maps(CtrlResult const& r) {
  std::vector<Image> maps;
  std::size_t const n = r.view.shown, factor = std::max<std::size_t>(1, 240 / std::max<std::size_t>(n, 1));
  for (auto const& c : r.view.cosine) maps.push_back(enlarged(colour_image(c, n, n, 0, 1), factor));
  return tiled(maps, 4, 8);
}

}  // namespace

void write_ctrl(Context& context, CtrlTask const& task, std::vector<CtrlResult> const& results,
                std::string const& directory) {
  context.comm().guarded([&] {
    if (!context.comm().is_root()) return;
    for (std::size_t i = 0; i < results.size(); ++i) {
      std::string const name = directory + "/" + task.settings[i].name;
      write_file(name + ".csv", csv(results[i]));
      write_png(name + ".png", curves(results[i]));
      write_png(name + "_cosine.png", heat_maps(results[i]));
    }
    write_hdf5(task, results, directory + "/ctrl.h5");
  });
}

}  // namespace krate::tools
