// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/analysis.hpp"

#include <cmath>
#include <cstdio>

namespace krate::tools {

namespace {

struct Spread {
  double mean = 0, deviation = 0;
};
Spread spread(comm::Communicator const& comm, std::vector<double> const& values, bool unbiased) {
  double sum = 0, squares = 0;
  for (double const v : values) sum += v;
  auto const count = static_cast<double>(comm.all_reduce(static_cast<std::int64_t>(values.size())));
  double const mean = comm.all_reduce(sum) / count;
  for (double const v : values) squares += (v - mean) * (v - mean);
  squares = comm.all_reduce(squares);
  double const divisor = unbiased ? count - 1 : count;
  return {mean, divisor > 0 ? std::sqrt(squares / divisor) : 0};
}

}  // namespace

void LayerSamples::append(Space const& space, Vector<double, Space> const& from, std::vector<double>& to) {
  std::size_t const old = to.size();
  to.resize(old + from.size());
  Kokkos::deep_copy(space, Kokkos::View<double*, Kokkos::HostSpace, impl::Unmanaged>(to.data() + old, from.size()),
                    from);
  space.fence("krate::tools::layers: the numbers are read");
}

std::vector<LayerMeasure> LayerSamples::summary(comm::Communicator const& comm) const {
  std::vector<LayerMeasure> layers;
  for (std::size_t i = 0; i < rates_.size(); ++i) {
    Spread const rate = spread(comm, rates_[i], true), density = spread(comm, densities_[i], false);
    layers.push_back({rate.mean, rate.deviation, density.mean, density.deviation});
  }
  return layers;
}

std::string layers_csv(std::vector<LayerMeasure> const& layers, std::string const& model) {
  bool const named = !model.empty();
  std::string text = named ? "" : "layer,coding_rate,coding_rate_std,density,density_std\n";
  for (std::size_t i = 0; i < layers.size(); ++i) {
    char line[160];
    std::snprintf(line, sizeof line, "%zu,%.12g,%.12g,%.12g,%.12g\n", i + 1, layers[i].coding_rate,
                  layers[i].coding_rate_std, layers[i].density, layers[i].density_std);
    text += (named ? model + "," : std::string()) + line;
  }
  return text;
}

}  // namespace krate::tools
