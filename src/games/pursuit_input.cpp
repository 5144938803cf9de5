// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "games/pursuit_input.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "krate/core/random.hpp"
#include "krate/core/require.hpp"

namespace krate::games::impl {

namespace {

constexpr char const* in_pursuit_input = "krate::games::Pursuit";
constexpr std::uint32_t encoder_stream = 0x43544C46, decoder_stream = 0x43544C47, order_stream = 0x43544C4F;

std::vector<double> normal_numbers(std::uint64_t seed, std::uint32_t stream, std::size_t count) {
  Random const random(Seed{seed}, stream);
  std::vector<double> found(count);
  for (std::size_t i = 0; i < count; ++i) found[i] = random.normal(i);
  return found;
}

void require_data(PursuitData const& d) {
  require_value(d.dim > 0 && d.samples() > 0, in_pursuit_input, "samples", d.samples(),
                "must be positive, and so must dim");
  require_value(d.samples() <= (1u << 24) && d.dim <= (1u << 14) && d.classes <= 4096, in_pursuit_input, "samples",
                d.samples(), "must be at most 2^24, dim at most 2^14 and classes at most 4096");
  if (d.rows.size() != d.samples() * d.dim)
    throw ShapeError(in_pursuit_input, "rows has " + std::to_string(d.rows.size()) + " entries, expected " +
                                           std::to_string(d.samples() * d.dim) +
                                           " (a label and dim numbers a sample); pass all");
  for (double const x : d.rows) require_value(std::isfinite(x), in_pursuit_input, "sample", x, "must be finite");
  for (Label const l : d.labels)
    require_value(l >= 0 && static_cast<std::size_t>(l) < d.classes, in_pursuit_input, "label", l,
                  "must be from 0 to classes - 1");
}

void require_rule(PursuitRule const& r, PursuitData const& d) {
  require_value(r.width > 0 && r.width <= 4096, in_pursuit_input, "width", r.width, "must be from 1 to 4096");
  require_value(r.eps_squared > 0 && std::isfinite(r.eps_squared), in_pursuit_input, "eps_squared", r.eps_squared,
                "must be positive");
  for (double const rate : {r.encoder_rate, r.decoder_rate})
    require_value(rate >= 0 && std::isfinite(rate), in_pursuit_input, "rate", rate, "must not be negative");
  require_value(r.inner_steps <= (1u << 24), in_pursuit_input, "inner_steps", r.inner_steps, "must be at most 2^24");
  require_value(r.batch <= d.samples(), in_pursuit_input, "batch", r.batch,
                "must be at most the samples; 0 takes all of them");
}

}  // namespace

void require_pursuit(std::span<PursuitData const> data, std::span<PursuitGame const> games) {
  require_value(!games.empty(), in_pursuit_input, "games", games.size(), "must be positive");
  for (auto const& d : data) require_data(d);
  for (auto const& g : games) {
    require_value(g.data < data.size(), in_pursuit_input, "data", g.data, "must be one of the data that are given");
    require_rule(g.rule, data[g.data]);
  }
}

LinearMaps first_maps(PursuitRule const& rule, std::size_t dim) {
  std::size_t const size = rule.width * dim;
  LinearMaps maps{normal_numbers(rule.seed, encoder_stream, size), normal_numbers(rule.seed, decoder_stream, size)};
  if (rule.constraint == Constraint::orthogonal)
    maps = {polar_factor(maps.encoder, rule.width, dim), polar_factor(maps.decoder, dim, rule.width)};
  return maps;
}

std::vector<int> batch_order(PursuitRule const& rule, std::size_t samples, std::size_t steps) {
  std::vector<int> order(samples), found(steps * rule.batch, -1);
  std::size_t const by_epoch = (samples + rule.batch - 1) / rule.batch;
  for (std::size_t step = 0; step < steps; ++step) {
    std::size_t const epoch = step / by_epoch, begin = step % by_epoch * rule.batch;
    if (begin == 0) {
      std::iota(order.begin(), order.end(), 0);
      Random const random(Seed{rule.seed}, order_stream, static_cast<std::uint32_t>(epoch));
      for (std::size_t i = samples; rule.shuffled && i > 1; --i) std::swap(order[i - 1], order[random.below(i, i)]);
    }
    std::copy_n(order.begin() + static_cast<std::ptrdiff_t>(begin), std::min(rule.batch, samples - begin),
                found.begin() + static_cast<std::ptrdiff_t>(step * rule.batch));
  }
  return found;
}

MomentFactor moment_factor(ClassStatistics const& data) {
  MomentFactor found;
  std::size_t const dim = data.dim;
  for (std::size_t j = 0; j < data.classes(); ++j) {
    double const* const m = data.moments.data() + j * dim * dim;
    std::vector<double> diagonal(dim);
    for (std::size_t c = 0; c < dim; ++c) diagonal[c] = m[c * dim + c];
    std::size_t const begin = found.rows.size();
    double first = 0;
    for (std::size_t k = 0; k < dim; ++k) {
      auto const pivot =
          static_cast<std::size_t>(std::max_element(diagonal.begin(), diagonal.end()) - diagonal.begin());
      if (k == 0) first = diagonal[pivot];
      if (!(diagonal[pivot] > 1e-14 * first)) break;
      double const root = std::sqrt(diagonal[pivot]);
      for (std::size_t c = 0; c < dim; ++c) {
        double sum = m[pivot * dim + c];
        for (std::size_t l = 0; l < k; ++l)
          sum -= found.rows[begin + l * dim + pivot] * found.rows[begin + l * dim + c];
        found.rows.push_back(sum / root);
      }
      for (std::size_t c = 0; c < dim; ++c) {
        double const x = found.rows[begin + k * dim + c];
        diagonal[c] -= x * x;
      }
      diagonal[pivot] = 0;
    }
    found.offsets.push_back(static_cast<int>(found.rows.size() / dim));
  }
  found.counts = data.counts;
  found.counts.push_back(data.samples());
  return found;
}

std::vector<double> turned(std::vector<double> const& matrix, std::size_t rows, std::size_t columns) {
  std::vector<double> found(matrix.size());
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < columns; ++j) found[j * rows + i] = matrix[i * columns + j];
  return found;
}

}  // namespace krate::games::impl
