// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <span>
#include <vector>

#include "krate/core/parameters.hpp"
#include "krate/models/crate_config.hpp"

namespace krate::models {

/// Where a new position i of n lies among m old ones, and what is between them.
enum class Resample {
  bicubic,  ///< a = -3/4, at (i + 1/2) m / (n + 0.1) - 1/2, those at the border repeated outwards: the code of Yu et
            ///< al. 2024 (emergence)
  linear    ///< at i (m - 1) / (n - 1), corners on corners: the authors' fine-tuning of CRATE-alpha
};

/// Positions of a grid of patches for another grid.
/// @param positions  [from.height * from.width, dim], row-major
/// @throws ShapeError if the size is another
std::vector<double> resampled_positions(std::span<double const> positions, Extent2 from, Extent2 to, std::size_t dim,
                                        Resample how = Resample::bicubic);

/// The same model for images of another size: all parameters but the positions of the patches are copied. Fixed
/// positions are those of the new grid.
/// @throws ValueError if the patches do not divide the size
/// @note allocates: the model; fences: yes
template <class Model>
Model at_resolution(typename Model::ExecutionSpace const& space, Model const& model, Extent2 image_size,
                    Resample how = Resample::bicubic) {
  using T = typename Model::Scalar;
  using Host = Kokkos::View<T*, Kokkos::LayoutRight, Kokkos::HostSpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>>;
  auto const old = model.config();
  auto config = old;
  config.image_size = image_size;
  Model made(space, config);
  auto const& from = model.parameters();
  auto const& to = made.parameters();
  if constexpr (requires { Model::has_fixed_positions; }) {
    for (std::size_t i = 0; i < from.entries().size(); ++i)
      if (!from.entries()[i].name.ends_with("positions")) Kokkos::deep_copy(space, to.value(i), from.value(i));
    space.fence("krate::models::at_resolution: parameters are in place");
    return made;
  }
  std::size_t const positions = from.index("position_embedding");
  for (std::size_t i = 0; i < from.entries().size(); ++i)
    if (i != positions) Kokkos::deep_copy(space, to.value(i), from.value(i));
  std::vector<T> host(from.value(positions).size());
  Kokkos::deep_copy(space, Host(host.data(), host.size()), from.value(positions));
  space.fence("krate::models::at_resolution: positions are read by the host");
  auto const grid = [&](Extent2 image) {
    return Extent2(image.height / old.patch_size.height, image.width / old.patch_size.width);
  };
  auto const classes = host.begin() + static_cast<std::ptrdiff_t>(old.dim);  // the class token's come first
  std::vector<double> const patches(classes, host.end());
  auto const moved = resampled_positions(patches, grid(old.image_size), grid(image_size), old.dim, how);
  host.erase(classes, host.end());
  for (double const value : moved) host.push_back(static_cast<T>(value));
  Kokkos::deep_copy(space, to.value(positions), Host(host.data(), host.size()));
  space.fence("krate::models::at_resolution: positions are in place");
  return made;
}

}  // namespace krate::models
