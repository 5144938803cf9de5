// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What attention's output map would be by the derivation of CRATE, and what others have tried in its place.
#pragma once

#include <string>
#include <vector>

#include "krate/linalg/elementwise.hpp"
#include "krate/models/block.hpp"

namespace krate::tools {

/// By the names of Hu et al., "An in-depth investigation of sparse rate reduction in transformer-like models", NeurIPS
/// 2024: C is U^T, as derived (rows of U span the subspaces), N is -U^T, T is U, and the identity.
struct OutputMap {
  char const* name;
  bool square;                                               ///< needs subspaces that fill the space
  double (*entry)(double u_ij, double u_ji, bool diagonal);  ///< of row i, column j; a wide U has no u_ij
};
inline constexpr OutputMap output_maps[] = {{"C", false, [](double, double u, bool) { return u; }},
                                            {"N", false, [](double, double u, bool) { return -u; }},
                                            {"T", true, [](double u, double, bool) { return u; }},
                                            {"identity", true, [](double, double, bool d) { return d ? 1.0 : 0.0; }}};

/// The same model with this map behind the attention of each block, and no bias there.
template <class Model>
Model with_output_map(typename Model::ExecutionSpace const& space, Model const& model, OutputMap const& map) {
  using T = typename Model::Scalar;
  using Host = Kokkos::View<T*, Kokkos::LayoutRight, Kokkos::HostSpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>>;
  Model made(space, model.config());
  auto const &from = model.parameters(), &to = made.parameters();
  for (std::size_t i = 0; i < from.entries().size(); ++i) copy(space, from.value(i), to.value(i));
  auto const& blocks = made.blocks();
  auto const& c = blocks.config();
  std::size_t const d = c.dim, inner = c.inner();
  std::vector<T> u(inner * d), w(d * inner);
  for (std::size_t b = 0; b < blocks.depth(); ++b) {
    auto const& at = blocks.block(b);
    Kokkos::deep_copy(space, Host(u.data(), u.size()), from.value(at.projection));
    space.fence("krate::tools::with_output_map: U is read by the host");
    for (std::size_t i = 0; i < d; ++i)
      for (std::size_t j = 0; j < inner; ++j)
        w[i * inner + j] = static_cast<T>(
            map.entry(map.square ? static_cast<double>(u[i * d + j]) : 0, static_cast<double>(u[j * d + i]), i == j));
    Kokkos::deep_copy(space, to.value(at.output_weight), Host(w.data(), w.size()));
    if (c.output_bias) fill(space, to.value(at.output_bias), T(0));
    space.fence("krate::tools::with_output_map: the map is in place");
  }
  return made;
}

/// Those that a model can have.
template <class Model>
std::vector<OutputMap> output_maps_of(Model const& model) {
  auto const& c = model.blocks().config();
  std::vector<OutputMap> maps;
  for (auto const& map : output_maps)
    if (c.has_output_map() && (!map.square || c.inner() == c.dim)) maps.push_back(map);
  return maps;
}

}  // namespace krate::tools
