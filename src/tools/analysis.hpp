// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Measurements of a trained model, as `krate analyze` writes them and reports show them.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "krate/analysis/attention_maps.hpp"
#include "krate/analysis/layer_rates.hpp"
#include "tools/masked_prediction.hpp"
#include "tools/model_command.hpp"

namespace krate::tools {

/// Coding rate R^c of a layer's projections and density of its sparse code, over samples.
struct LayerMeasure {
  double coding_rate = 0, coding_rate_std = 0;  ///< mean and unbiased standard deviation
  double density = 0, density_std = 0;          ///< mean and population standard deviation
};

/// One number a layer and sample, with what is in the memory of its rank. In place of MSSA's projection a ToST has that
/// of its token statistics, one for each head as well, and for a code what leaves the block, which is not sparse.
class LayerSamples {
 public:
  LayerSamples(std::size_t depth, std::size_t heads) : heads_(heads), rates_(depth), densities_(depth) {}
  template <class T>
  void add(Space const& space, models::BlockView<Space, T> const& block, double eps_squared) {
    std::size_t const batch = block.tokens.extent(0), n = block.tokens.extent(1);
    std::size_t const bytes =
        analysis::projection_coding_rate_workspace(batch, n, heads_, block.mssa.projected.extent(2) / heads_) +
        measure<Space>([&](auto& work) { work.template take<double>(batch); });
    if (arena_.bytes() < bytes) arena_ = Arena<Space>(space, bytes, "krate::tools::layers");
    auto work = arena_.workspace();
    auto const values = work.template take<double>(batch);
    analysis::projection_coding_rate(space, block.mssa.projected, heads_, eps_squared, work, values);
    append(space, values, rates_[block.index]);
    analysis::density(space, block.code, values);
    append(space, values, densities_[block.index]);
  }
  /// Collective.
  std::vector<LayerMeasure> summary(comm::Communicator const& comm) const;

 private:
  static void append(Space const& space, Vector<double, Space> const& from, std::vector<double>& to);
  std::size_t heads_;
  std::vector<std::vector<double>> rates_, densities_;
  Arena<Space> arena_;
};

/// The last block but one.
inline std::size_t default_attention_block(std::size_t depth) {
  return depth - std::min<std::size_t>(depth, 2);
}
/// Shows every block of some samples to an observer, those of a masked autoencoder's encoder with nothing removed.
template <class Model, class Observe>
void observe_blocks(ModelOnData<Model>& run, std::span<std::size_t const> samples, Observe const& observe) {
  auto const nothing = [](auto const&...) {};
  if constexpr (train::RemovesPatches<Model>) {
    predict_masked(run, samples, 0, nothing, observe);
  } else {
    run.inference.run(run.space, run.source, train::Part::train, samples, nothing, observe);
  }
}

/// Models whose class token comes behind the blocks, in layers of its own.
template <class Model>
concept HasClassAttention = requires(typename Model::State const& state) {
  state.class_attention.saved;
};

/// Layers in which the class token attends to patches.
template <class Model>
std::size_t attention_layers(Model const& model) {
  if constexpr (HasClassAttention<Model>) return model.config().class_layers;
  return model.config().depth;
}

/// Rows and columns of patches.
template <class Config>
models::Extent2 grid_of(Config const& c) {
  if constexpr (requires { c.grid(); }) {
    return c.grid();
  } else {
    return {c.image_size.height / c.patch_size.height, c.image_size.width / c.patch_size.width};
  }
}

/// Behind what is there already. @note fences: yes
template <class T>
void append_maps(Space const& space, Tensor3<T, Space> const& some, std::vector<T>& maps) {
  std::size_t const old = maps.size();
  maps.resize(old + some.size());
  Kokkos::deep_copy(space, Kokkos::View<T*, Kokkos::HostSpace, impl::Unmanaged>(maps.data() + old, some.size()),
                    Vector<T, Space>(some.data(), some.size()));
  space.fence("krate::tools::attention: maps are read");
}

/// How much the class token attends to each patch in a block: [samples, heads, patches], in host memory.
template <class Model>
std::vector<typename Model::Scalar> attention_maps(ModelOnData<Model>& run, std::span<std::size_t const> samples,
                                                   std::size_t block) {
  using T = typename Model::Scalar;
  auto const& c = run.model.config();
  std::vector<T> maps;
  Kokkos::View<T***, Kokkos::LayoutRight, DeviceOf<Space>> const batch_maps(
      Kokkos::view_alloc(run.space, "krate::tools::maps"), run.batch, c.heads, c.patches());
  observe_blocks(run, samples, [&](models::BlockView<Space, T> const& view) {
    if (view.index != block) return;
    Tensor3<T, Space> const some(batch_maps.data(), view.tokens.extent(0), c.heads, c.patches());
    analysis::class_token_attention(run.space, view.mssa.projected, view.mssa.rows, some);
    append_maps(run.space, some, maps);
  });
  return maps;
}

/// The same of a layer of class attention.
template <HasClassAttention Model>
std::vector<typename Model::Scalar> attention_maps(ModelOnData<Model>& run, std::span<std::size_t const> samples,
                                                   std::size_t layer) {
  using T = typename Model::Scalar;
  auto const& c = run.model.config();
  auto const cut = [&](auto& work, std::size_t count) {
    auto const images = work.template take<T>(count, c.channels, c.image_size.height, c.image_size.width);
    auto const labels = work.template take<Label>(count);
    return std::tuple(images, labels, work.template take<T>(count, c.heads, c.patches()));
  };
  auto const pass = models::Pass::inference;
  Arena<Space> const arena(run.space,
                           run.model.plan(run.batch, pass) + measure<Space>([&](auto& work) { cut(work, run.batch); }),
                           "krate::tools::attention");
  typename Model::State state;
  std::vector<T> maps;
  for (std::size_t first = 0; first < samples.size(); first += run.batch) {
    std::size_t const count = std::min(run.batch, samples.size() - first);
    auto work = arena.workspace();
    auto const [images, labels, some] = cut(work, count);
    run.model.cut(work, count, pass, state);
    run.source.fill(run.space, train::Part::train, samples.subspan(first, count), images, labels);
    run.model.forward(run.space, images, state, work);
    std::pair<std::size_t, std::size_t> const behind_class(1, c.patches() + 1);
    Kokkos::deep_copy(
        run.space, some,
        Kokkos::subview(state.class_attention.saved[layer].probabilities, Kokkos::ALL, Kokkos::ALL, behind_class));
    append_maps<T>(run.space, some, maps);
  }
  return maps;
}

/// layers.csv; `model`, where it is not empty, is a column before the others.
std::string layers_csv(std::vector<LayerMeasure> const& layers, std::string const& model = {});

}  // namespace krate::tools
