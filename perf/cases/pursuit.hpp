// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "krate/core/label.hpp"
#include "krate/core/random.hpp"
#include "krate/games/pursuit.hpp"
#include "perf/cases/cost.hpp"
#include "perf/cases/memory.hpp"

namespace krate::perf {

/// Operations of one step of the decoder: products of its maps, a class's matrices of `rank` rows, Adam.
inline double pursuit_inner_flops(double dim, double width, std::vector<double> const& ranks) {
  double rows = 0, small = 0;
  for (double const n : ranks) {
    rows += n;
    small += 10 * n * n * width + 5 * n * n * n + 3 * n * width;
  }
  return std::min(8 * rows * width * dim, 4 * width * width * (dim + rows)) + small + 14 * width * dim;
}

/// Games of linear maps on samples of three subspaces, from random maps.
template <class Space, class T>
class PursuitCase {
 public:
  using Arithmetic = double;
  struct Options {
    std::size_t games = 1, dim = 50, width = 40, samples = 500, batch = 50, steps = 1, inner_steps = 1000;
    double noise = 0;
  };
  PursuitCase(Space const& space, Options const& o) : space_(space), options_(o) {
    std::vector<games::PursuitData> data;
    std::vector<games::PursuitGame> games;
    for (std::size_t g = 0; g < o.games; ++g) {
      data.push_back(samples(o, g));
      games::PursuitRule const rule{.width = o.width, .inner_steps = o.inner_steps, .batch = o.batch, .seed = 1 + g};
      games.push_back({g, rule});
    }
    pursuit_ = std::make_unique<games::Pursuit<Space>>(space, data, games, o.steps);
    for (std::size_t g = 0; g < o.games; ++g) start_.push_back(pursuit_->save(space, g));
    arena_ = allocate(space, [&](auto& work) { last_ = work.template take<double>(1, 1, start_[0].size()); });
  }
  void run(Space const& space) {
    for (std::size_t g = 0; g < options_.games; ++g) pursuit_->restore(space, 0, g, start_[g]);
    pursuit_->run(space, options_.steps);
  }
  Cost cost() const {
    auto const& o = options_;
    double const most = o.noise > 0 ? static_cast<double>(o.batch) / 3 : 1e9;
    std::vector<double> const ranks{std::min(3.0, most), std::min(4.0, most), std::min(5.0, most)},
        noisy(3, static_cast<double>(o.batch) / 3);
    double const inner =
        pursuit_inner_flops(static_cast<double>(o.dim), static_cast<double>(o.width), o.noise > 0 ? noisy : ranks);
    double const all = static_cast<double>(o.games * o.steps);
    return {all * static_cast<double>(o.inner_steps) * inner, all * 12 * static_cast<double>(o.dim * o.width) * 8};
  }
  /// The first game's numbers.
  Tensor3<double, Space> output() const {
    auto const found = pursuit_->save(space_, 0);
    Kokkos::View<double const***, Kokkos::LayoutRight, Kokkos::HostSpace, krate::impl::Unmanaged> const host(
        found.data(), 1, 1, found.size());
    Kokkos::deep_copy(space_, last_, host);
    space_.fence(KRATE_LABEL("krate::perf::pursuit: the numbers are there"));
    return last_;
  }
  static double least_memory(Options const& o) {
    return static_cast<double>(o.games) * static_cast<double>(o.dim) *
           static_cast<double>(6 * o.width + 3 * o.samples) * sizeof(double);
  }

 private:
  /// Classes of 3, 4 and 5 dimensions.
  static games::PursuitData samples(Options const& o, std::size_t seed) {
    games::PursuitData found{.dim = o.dim, .classes = 3};
    Random const random(Seed{seed}, 0x50455246);
    std::uint64_t at = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      std::vector<double> basis((3 + j) * o.dim);
      for (double& x : basis) x = random.normal(at++) / std::sqrt(static_cast<double>(o.dim));
      for (std::size_t n = 0; n < o.samples; ++n) {
        std::vector<double> row(o.dim, 0.0);
        for (std::size_t k = 0; k < 3 + j; ++k) {
          double const code = random.normal(at++);
          for (std::size_t i = 0; i < o.dim; ++i) row[i] += code * basis[k * o.dim + i];
        }
        for (double& x : row)
          if (o.noise > 0) x += std::sqrt(o.noise / static_cast<double>(o.dim)) * random.normal(at++);
        found.rows.insert(found.rows.end(), row.begin(), row.end());
        found.labels.push_back(static_cast<Label>(j));
      }
    }
    return found;
  }

  Space space_;
  Options options_;
  std::unique_ptr<games::Pursuit<Space>> pursuit_;
  std::vector<std::vector<double>> start_;
  Arena<Space> arena_;
  Tensor3<double, Space> last_;
};

}  // namespace krate::perf
