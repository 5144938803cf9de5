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

/// One number a layer and sample, with what is in the memory of its rank.
class LayerSamples {
 public:
  explicit LayerSamples(std::size_t depth) : rates_(depth), densities_(depth) {}
  template <class T>
  void add(Space const& space, models::BlockView<Space, T> const& block, double eps_squared) {
    std::size_t const batch = block.tokens.extent(0), n = block.tokens.extent(1), heads = block.mssa.rows.sum.extent(1);
    std::size_t const bytes =
        analysis::projection_coding_rate_workspace(batch, n, heads, block.mssa.projected.extent(2) / heads) +
        measure<Space>([&](auto& work) { work.template take<double>(batch); });
    if (arena_.bytes() < bytes) arena_ = Arena<Space>(space, bytes, "krate::tools::layers");
    auto work = arena_.workspace();
    auto const values = work.template take<double>(batch);
    analysis::projection_coding_rate(space, block.mssa.projected, heads, eps_squared, work, values);
    append(space, values, rates_[block.index]);
    analysis::density(space, block.code, values);
    append(space, values, densities_[block.index]);
  }
  /// Collective.
  std::vector<LayerMeasure> summary(comm::Communicator const& comm) const;

 private:
  static void append(Space const& space, Vector<double, Space> const& from, std::vector<double>& to);
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
    std::size_t const old = maps.size();
    maps.resize(old + some.size());
    Kokkos::deep_copy(run.space, Kokkos::View<T*, Kokkos::HostSpace, impl::Unmanaged>(maps.data() + old, some.size()),
                      Vector<T, Space>(some.data(), some.size()));
    run.space.fence("krate::tools::attention: maps are read");
  });
  return maps;
}

/// layers.csv
std::string layers_csv(std::vector<LayerMeasure> const& layers);

}  // namespace krate::tools
