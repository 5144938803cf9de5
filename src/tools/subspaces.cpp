// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/subspaces.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "krate/core/random.hpp"
#include "krate/core/require.hpp"
#include "krate/games/linear_game.hpp"

namespace krate::tools {

namespace {

constexpr std::uint32_t base_stream = 0x53554230, own_stream = 0x53554231, choice_stream = 0x53554232,
                        code_stream = 0x53554240, noise_stream = 0x53554250;

std::vector<double> normal_numbers(SubspaceOptions const& o, std::uint32_t stream, std::uint32_t step,
                                   std::size_t count) {
  Random const random(Seed{o.seed}, stream, step);
  std::vector<double> found(count);
  for (std::size_t i = 0; i < count; ++i) found[i] = random.normal(i);
  return found;
}

std::size_t samples_of(SubspaceOptions const& o, std::size_t j) {
  return o.samples.size() == 1 ? o.samples[0] : o.samples[j];
}

/// Rows are unit vectors that span the subspace of class j.
std::vector<double> basis_of(SubspaceOptions const& o, std::vector<double> const& base, std::size_t j) {
  std::size_t const count = o.dimensions[j];
  std::vector<std::size_t> chosen(base.size() / o.dim);
  std::iota(chosen.begin(), chosen.end(), std::size_t(0));
  if (o.orthogonal) {
    auto const before =
        std::accumulate(o.dimensions.begin(), o.dimensions.begin() + static_cast<std::ptrdiff_t>(j), std::size_t(0));
    chosen.erase(chosen.begin(), chosen.begin() + static_cast<std::ptrdiff_t>(before));
  } else {
    Random const random(Seed{o.seed}, choice_stream, static_cast<std::uint32_t>(j));
    for (std::size_t i = chosen.size(); i > 1; --i) std::swap(chosen[i - 1], chosen[random.below(i, i)]);
  }
  double const part = o.orthogonal ? 0 : o.difference;
  auto basis = normal_numbers(o, own_stream, static_cast<std::uint32_t>(j), count * o.dim);
  for (std::size_t k = 0; k < count; ++k) {
    double square = 0;
    for (std::size_t i = 0; i < o.dim; ++i) {
      double& x = basis[k * o.dim + i];
      x = part * x + (1 - part) * base[chosen[k] * o.dim + i];
      square += x * x;
    }
    for (std::size_t i = 0; i < o.dim; ++i) basis[k * o.dim + i] /= std::sqrt(square);
  }
  return basis;
}

}  // namespace

void require_valid(SubspaceOptions const& o, char const* where) {
  require_value(o.dim > 0 && o.dim <= 4096, where, "--dim", o.dim, "must be from 1 to 4096");
  require_value(!o.dimensions.empty() && o.dimensions.size() <= 1000, where, "--subspaces", o.dimensions.size(),
                "must name from 1 to 1000 dimensions");
  std::size_t total = 0, largest = 0;
  for (auto const d : o.dimensions) {
    require_value(d > 0 && d <= o.dim, where, "--subspaces", d, "must be dimensions from 1 to --dim");
    total += d;
    largest = std::max(largest, d);
  }
  require_value(!o.orthogonal || total <= o.dim, where, "--subspaces", total,
                "must add up to at most --dim for --orthogonal");
  require_value(o.samples.size() == 1 || o.samples.size() == o.dimensions.size(), where, "--samples", o.samples.size(),
                "must be one number, or one for each of --subspaces");
  double all = 0;
  for (auto const n : o.samples) {
    require_value(n > 0 && n <= (1u << 24), where, "--samples", n, "must be from 1 to 16777216");
    all += static_cast<double>(n) * static_cast<double>(o.dimensions.size() / o.samples.size());
  }
  require_value(all * static_cast<double>(o.dim) <= 0x1p28, where, "--samples", all,
                "make more than 2^28 numbers; choose fewer");
  require_value(o.noise >= 0 && std::isfinite(o.noise), where, "--noise", o.noise, "must not be negative");
  require_value(o.difference >= 0 && o.difference <= 1, where, "--difference", o.difference, "must be from 0 to 1");
}

games::PursuitData subspace_samples(SubspaceOptions const& o, std::uint32_t split) {
  games::PursuitData found{.dim = o.dim, .classes = o.dimensions.size()};
  std::size_t const directions = o.orthogonal
                                     ? std::accumulate(o.dimensions.begin(), o.dimensions.end(), std::size_t(0))
                                     : *std::max_element(o.dimensions.begin(), o.dimensions.end());
  auto const base = games::polar_factor(normal_numbers(o, base_stream, 0, directions * o.dim), directions, o.dim);
  for (std::size_t j = 0; j < o.dimensions.size(); ++j) {
    std::size_t const count = samples_of(o, j), rank = o.dimensions[j];
    auto const basis = basis_of(o, base, j);
    auto const step = static_cast<std::uint32_t>(j);
    auto const codes = normal_numbers(o, code_stream + split, step, count * rank);
    std::vector<double> noise;
    if (o.noise > 0) noise = normal_numbers(o, noise_stream + split, step, count * o.dim);
    double const scale = std::sqrt(o.noise / static_cast<double>(o.dim));
    for (std::size_t n = 0; n < count; ++n) {
      for (std::size_t i = 0; i < o.dim; ++i) {
        double x = o.noise > 0 ? scale * noise[n * o.dim + i] : 0;
        for (std::size_t k = 0; k < rank; ++k) x += codes[n * rank + k] * basis[k * o.dim + i];
        found.rows.push_back(x);
      }
      found.labels.push_back(static_cast<Label>(j));
    }
  }
  return found;
}

}  // namespace krate::tools
