// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/flatnet_picture.hpp"

#include <algorithm>
#include <cmath>

#include "tools/baselines.hpp"
#include "tools/flatnet_passes.hpp"

namespace krate::tools {

namespace {

/// Points of the plane.
struct Cloud {
  std::vector<double> x, y;
};

Cloud principal_view(Space const& space, Rows rows) {
  std::size_t const n = rows.count(), d = rows.columns;
  for (std::size_t j = 0; j < d; ++j) {
    double mean = 0;
    for (std::size_t i = 0; i < n; ++i) mean += rows.values[i * d + j] / static_cast<double>(n);
    for (std::size_t i = 0; i < n; ++i) rows.values[i * d + j] -= mean;
  }
  auto const directions = leading_subspace(space, rows, 2);
  Cloud found{std::vector<double>(n), std::vector<double>(n)};
  for (std::size_t i = 0; i < n; ++i) {
    if (directions.count() > 0) found.x[i] = dot(rows.row(i), directions.row(0));
    if (directions.count() > 1) found.y[i] = dot(rows.row(i), directions.row(1));
  }
  return found;
}

/// Two numbers as they are, three from above one side, more along their principal directions.
Cloud view(Space const& space, Rows const& rows) {
  if (rows.columns != 2 && rows.columns != 3) return principal_view(space, rows);
  Cloud found;
  for (std::size_t i = 0; i < rows.count(); ++i) {
    auto const r = rows.row(i);
    found.x.push_back(rows.columns == 2 ? r[0] : r[0] + 0.45 * r[1]);
    found.y.push_back(rows.columns == 2 ? r[1] : r[2] + 0.25 * r[1]);
  }
  return found;
}

/// Discs, of one scale along both axes.
Image panel(Cloud const& cloud, std::vector<double> const& colours) {
  constexpr double side = 360, margin = 18, radius = 2.6;
  auto const [left, right] = std::minmax_element(cloud.x.begin(), cloud.x.end());
  auto const [low, high] = std::minmax_element(cloud.y.begin(), cloud.y.end());
  double const wide = std::max({*right - *left, *high - *low, 1e-300}), scale = (side - 2 * margin) / wide;
  Image image(static_cast<std::size_t>(side), static_cast<std::size_t>(side), 3);
  for (std::size_t i = 0; i < cloud.x.size(); ++i) {
    double const x = side / 2 + scale * (cloud.x[i] - 0.5 * (*left + *right)),
                 y = side / 2 - scale * (cloud.y[i] - 0.5 * (*low + *high));
    Rgb const colour = colour_of(colours[i]);
    std::uint8_t const inks[] = {colour.r, colour.g, colour.b};
    for (int row = static_cast<int>(y - radius - 1); row <= static_cast<int>(y + radius + 1); ++row)
      for (int column = static_cast<int>(x - radius - 1); column <= static_cast<int>(x + radius + 1); ++column) {
        double const part = std::clamp(radius + 0.5 - std::hypot(column + 0.5 - x, row + 0.5 - y), 0.0, 1.0);
        auto* const pixel = image.at(static_cast<std::size_t>(row), static_cast<std::size_t>(column));
        for (int k = 0; k < 3 && part > 0; ++k)
          pixel[k] = static_cast<std::uint8_t>(std::lround(pixel[k] + part * (inks[k] - pixel[k])));
      }
  }
  return image;
}

}  // namespace

Image flatnet_picture(Space const& space, models::Flatnet<Space> const& model, Rows samples) {
  samples.values.resize(std::min<std::size_t>(samples.count(), 2000) * samples.columns);
  auto const codes = encoded(space, model, samples), back = decoded(space, model, codes);
  auto const flat = principal_view(space, codes);
  auto const [first, last] = std::minmax_element(flat.x.begin(), flat.x.end());
  std::vector<double> colours;
  for (double const x : flat.x) colours.push_back(*last > *first ? 0.95 * (x - *first) / (*last - *first) : 0);
  Image const panels[] = {panel(view(space, samples), colours), panel(flat, colours),
                          panel(view(space, back), colours)};
  return tiled(panels, 3, 8);
}

}  // namespace krate::tools
