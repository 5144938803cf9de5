// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a report measures. All of it is bounded, whatever the size of the data.
#include <algorithm>
#include <cmath>
#include <set>

#include "krate/models/objective.hpp"
#include "tools/baselines.hpp"
#include "tools/probe.hpp"
#include "tools/report.hpp"

namespace krate::tools {

namespace {

constexpr std::size_t most_samples = 1000, most_training = 5000, most_for_layers = 512, most_for_maps = 8;
constexpr std::size_t most_numbers = std::size_t(1) << 23;  // of a part's samples together
constexpr std::size_t most_pixels = 4096;                   // of a sample, for baselines on pixels
constexpr std::size_t subspace_dim = 12, batch = 64;

/// At most so many of the rows, evenly spread.
std::vector<std::size_t> spread_rows(std::vector<std::size_t> const& rows, std::size_t most) {
  std::size_t const count = std::min(rows.size(), most);
  std::vector<std::size_t> chosen(count);
  for (std::size_t i = 0; i < count; ++i) chosen[i] = rows[i * rows.size() / count];
  return chosen;
}

struct Part {
  Rows samples;
  std::vector<Label> labels;
};
Part part_of(io::SampleTable const& data, std::vector<std::size_t> const& rows, std::size_t most) {
  std::size_t const size = data.description().sample_size();
  auto const chosen = spread_rows(rows, std::min(most, std::max<std::size_t>(1, most_numbers / size)));
  Part part{{size, std::vector<double>(chosen.size() * size)}, {}};
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    data.get(chosen[i], part.samples.values.data() + i * size);
    if (data.description().has_labels) part.labels.push_back(data.label(chosen[i]));
  }
  return part;
}

/// Test and training samples, one after the other, as a dataset of their own.
io::SampleTable joined(io::DatasetDescription about, Part const& test, Part const& train) {
  about.samples = test.samples.count() + train.samples.count();
  about.split.clear();
  about.scale = {1};
  about.bias = {0};
  std::vector<double> numbers = test.samples.values;
  numbers.insert(numbers.end(), train.samples.values.begin(), train.samples.values.end());
  std::vector<Label> labels = test.labels;
  labels.insert(labels.end(), train.labels.begin(), train.labels.end());
  return {std::move(about), std::move(numbers), std::move(labels)};
}

std::vector<std::size_t> first_rows(std::size_t count) {
  std::vector<std::size_t> rows(count);
  std::iota(rows.begin(), rows.end(), std::size_t(0));
  return rows;
}

/// Samples of as many classes as there are, or spread ones.
std::vector<std::size_t> varied(Findings const& f) {
  if (f.labels.empty()) return spread_rows(first_rows(f.samples.count()), most_for_maps);
  std::vector<std::size_t> chosen;
  std::set<Label> seen;
  for (std::size_t i = 0; i < f.labels.size() && chosen.size() < most_for_maps; ++i) {
    if (seen.insert(f.labels[i]).second) chosen.push_back(i);
  }
  std::sort(chosen.begin(), chosen.end(), [&](auto a, auto b) { return f.labels[a] < f.labels[b]; });
  return chosen;
}

template <class Model>
void measure_layers(ModelOnData<Model>& model, Findings& f) {
  auto const chosen = spread_rows(first_rows(f.samples.count()), most_for_layers);
  LayerSamples measures(model.model.config().depth, model.model.config().heads);
  model.inference.run(
      model.space, model.source, train::Part::train, chosen, [](auto const&) {},
      [&](models::BlockView<Space, typename Model::Scalar> const& block) {
        measures.add(model.space, block, f.eps_squared);
      });
  f.layers = measures.summary(model.comm);
  f.layer_samples = chosen.size();
}

template <class Model>
void map_attention(ModelOnData<Model>& model, Findings& f) {
  auto const& c = model.model.config();
  f.block = default_attention_block(c.depth);
  f.heads = c.heads;
  f.rows = c.image_size.height / c.patch_size.height;
  f.columns = c.image_size.width / c.patch_size.width;
  f.shown = varied(f);
  auto const maps = attention_maps(model, f.shown, f.block);
  f.maps = {f.rows * f.columns, {maps.begin(), maps.end()}};
}

/// Features of all samples; predictions of the first, which are not of the training part.
template <class Model>
Rows predict(ModelOnData<Model>& model, Findings& f) {
  auto const all = first_rows(model.source.size(train::Part::train));
  Rows features{model.model.config().dim, {}};
  model.inference.run(model.space, model.source, train::Part::train, all, [&](auto const& some) {
    auto const read = [&](auto const& view) {
      return Kokkos::create_mirror_view_and_copy(Kokkos::view_alloc(model.space, Kokkos::HostSpace{}), view);
    };
    auto const logits = read(some.logits);
    auto const inputs = read(some.features);
    model.space.fence("krate::tools::report: outputs are read");
    features.values.insert(features.values.end(), inputs.data(), inputs.data() + inputs.size());
    for (std::size_t i = 0; i < logits.extent(0) && f.predicted.size() < f.samples.count(); ++i) {
      auto const* const first = &logits(i, 0);
      auto const* const best = std::max_element(first, first + logits.extent(1));
      double sum = 0;
      for (std::size_t k = 0; k < logits.extent(1); ++k) sum += std::exp(static_cast<double>(first[k] - *best));
      f.predicted.push_back(static_cast<Label>(best - first));
      f.probability.push_back(1 / sum);
    }
  });
  return features;
}

void compare(Space const& space, Part const& train, Rows const& features, Findings& f) {
  std::size_t const split = f.samples.count() * features.columns;
  auto const at = features.values.begin() + static_cast<std::ptrdiff_t>(split);
  Rows const seen{features.columns, {features.values.begin(), at}},
      learned{features.columns, {at, features.values.end()}};
  std::string const dims = std::to_string(subspace_dim);
  auto const add = [&](char const* name, std::string const& how, std::vector<Label> const& found) {
    f.baselines.push_back({name, how, agreement(found, f.labels)});
  };
  add("Nearest subspace on its features",
      "what the model's last linear map sees; each class is spanned by its " + dims +
          " leading directions, and the nearest span wins",
      nearest_subspace(space, learned, train.labels, seen, subspace_dim));
  if (f.samples.columns <= most_pixels) {
    add("1-nearest-neighbour on pixels", "the label of the training image at the least Euclidean distance",
        nearest_neighbour(space, train.samples, train.labels, f.samples));
    add("Nearest subspace on pixels", "the same spans of " + dims + " directions, of the raw images",
        nearest_subspace(space, train.samples, train.labels, f.samples, subspace_dim));
  }
  add("Majority class", "always the most frequent label",
      std::vector<Label>(f.labels.size(), majority_label(train.labels)));
}

}  // namespace

std::size_t Findings::right() const {
  return agreement(predicted, labels);
}

Findings examine(Space const& space, std::string const& path, io::SampleTable const& data) {
  auto const& about = data.description();
  Findings f;
  f.data = about.origin;
  f.tested = about.has_split() && !about.indices(io::Subset::test).empty();
  auto const rows = about.indices(f.tested ? io::Subset::test : io::Subset::all);
  f.available = rows.size();
  Part part = part_of(data, rows, most_samples), train;
  if (!about.has_labels) {
    f.without_baselines = "the dataset has no labels";
  } else if (!f.tested) {
    f.without_baselines = "the dataset has no test part";
  } else {
    train = part_of(data, about.indices(io::Subset::train), most_training);
    if (train.labels.empty()) f.without_baselines = "the dataset has no training part";
  }
  f.trained_on = train.samples.count();
  f.samples = part.samples;
  f.labels = part.labels;
  comm::Communicator const alone;
  io::CheckpointReader const file(path, alone);
  if (models::stored_objective(file.config())) {
    throw ValueError("krate::report", path +
                                          " was trained by mcr2 (its head was not trained, a page would compare "
                                          "nothing); use krate analyze probe");
  }
  with_model_on<CrateModels>(space, alone, joined(about, part, train), {first_rows(f.samples.count() + f.trained_on)},
                             about.has_labels, file, batch, [&](auto& model) {
                               f.channels = model.source.channels();
                               f.height = model.source.height();
                               f.width = model.source.width();
                               measure_layers(model, f);
                               map_attention(model, f);
                               Rows const features = predict(model, f);
                               if (f.trained_on > 0) compare(space, train, features, f);
                             });
  return f;
}

}  // namespace krate::tools
