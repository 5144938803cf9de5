// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cmath>

#include "krate/linalg/host_matrix.hpp"
#include "krate/models/tangent_fit.hpp"
#include "perf/cases/cost.hpp"
#include "perf/cases/memory.hpp"
#include "perf/cases/numbers.hpp"

namespace krate::perf {

/// A frame and a quadratic form, fitted to all samples in so many steps: what building a FlatNet spends its time with.
template <class Space, class T>
class FlatnetCase {
 public:
  using Arithmetic = double;
  struct Options {
    std::size_t samples = 1000, dim = 100, manifold_dim = 5, steps = 200;
  };
  FlatnetCase(Space const& space, Options const& o) : options_(o), start_(o.dim, o.manifold_dim) {
    arena_ = allocate(space, [&](auto& work) { z_ = work.template take<double>(o.samples, o.dim); });
    double const length = 1 / std::sqrt(static_cast<double>(o.dim));
    fill_normal(space, z_, length, 0);
    for (std::size_t i = 0; i < o.dim; ++i)
      for (std::size_t a = 0; a < o.manifold_dim; ++a)
        start_(i, a) = std::cos(static_cast<double>((2 * i + 1) * (a + 1)) / (2 * static_cast<double>(o.dim)) * M_PI);
    start_ = orthonormal_columns(start_);
    std::vector<double> const centre(o.dim, length);
    fit_.set_neighbourhood(space, comm_, z_, centre, 1);
  }
  void run(Space const& space) {
    form_ = fit_.fit(space, comm_, start_, {.iterations = options_.steps, .tolerance = 0});
  }
  Cost cost() const {
    auto const n = static_cast<double>(options_.samples), dim = static_cast<double>(options_.dim),
               d = static_cast<double>(options_.manifold_dim), q = d * (d + 1) / 2;
    // Coordinates and their pull, sums of products, what the form misses; products themselves and their weights.
    double const a_step =
        2 * product_flops(n, d, dim) + 2 * product_flops(n, q, dim) + 2 * product_flops(n, q, q) + n * q * 7;
    return {static_cast<double>(options_.steps) * a_step, n * dim * sizeof(double)};
  }
  models::QuadraticForm const& form() const { return form_; }
  static double least_memory(Options const& o) {
    return static_cast<double>(o.samples) * static_cast<double>(o.dim) * 4 * sizeof(double);
  }

 private:
  Options options_;
  HostMatrix start_;
  comm::Communicator comm_{};
  Arena<Space> arena_;
  Matrix<double, Space> z_;
  models::TangentFit<Space, double> fit_{};
  models::QuadraticForm form_{};
};

}  // namespace krate::perf
