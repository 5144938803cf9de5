// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>

#include "krate/rate/class_coding_rate.hpp"
#include "perf/cases/coding_rate.hpp"

namespace krate::perf {

/// Coding rate of classes R^c and its gradient, or the rate alone; the classes are as large as each other.
template <class Space, class T>
class ClassCodingRateCase {
 public:
  using Arithmetic = T;  ///< of the long products
  using Options = RateSize;
  ClassCodingRateCase(Space const& space, Options const& o) : options_(o) {
    arena_ = allocate(space, [&](auto& work) {
      z_ = work.template take<T>(o.samples, o.dim);
      if (!o.value) gradient_ = work.template take<T>(o.samples, o.dim);
      labels_ = work.template take<Label>(o.samples);
      per_class_ = work.template take<double>(o.classes);
      rate_ = work.template take<double>();
      work_ = take_workspace(work, class_coding_rate_workspace(o.samples, o.dim, o.classes));
    });
    fill_normal(space, z_, 1 / std::sqrt(static_cast<double>(o.dim)), 0);
    fill_labels(space, labels_, o.classes);
  }
  void run(Space const& space) {
    ClassRateOptions const options{.eps_squared = options_.eps_squared, .classes = options_.classes};
    if (options_.value) return class_coding_rate(space, z_, labels_, options, work_, rate_, per_class_);
    class_coding_rate_gradient(space, z_, labels_, options, work_, rate_, per_class_, gradient_);
  }
  Cost cost() const {
    double const numbers = static_cast<double>(z_.size());
    double flops = options_.value ? 0 : numbers;  // the gradient's scale
    for (std::size_t k = 0; k < options_.classes; ++k) {
      std::size_t const count = options_.samples / options_.classes + (k < options_.samples % options_.classes);
      flops += class_flops(count, options_.dim);
    }
    return {flops,
            (options_.value ? 1 : 2) * numbers * sizeof(T) + static_cast<double>(labels_.size()) * sizeof(Label)};
  }
  Matrix<T, Space> output() const { return options_.value ? z_ : gradient_; }
  static double least_memory(Options const& o) {
    auto const n = static_cast<double>(o.samples), d = static_cast<double>(o.dim);
    return n * d * ((o.value ? 1 : 2) * sizeof(T) + sizeof(double)) +
           16.0 * static_cast<double>(o.classes) * sizeof(double);
  }

 private:
  double class_flops(std::size_t count, std::size_t dim) const {
    auto const [side, rows] = std::minmax(count, dim);
    auto const s = static_cast<double>(side), r = static_cast<double>(rows);
    double const value = tiled_gram_flops(rows, side) + cholesky_flops(s) + s * (s + 3);
    if (options_.value) return value;
    return value + triangular_inverse_flops(s) +
           (has_float_products<Space, T>(dim) ? triangular_inverse_flops(s) + product_flops(r, s, s)
                                              : 2 * triangular_solve_flops(s, r));
  }

  Options options_;
  Matrix<T, Space> z_, gradient_;
  Vector<Label, Space> labels_;
  Vector<double, Space> per_class_;
  Value<double, Space> rate_;
  Workspace<Space> work_;
  Arena<Space> arena_;
};

}  // namespace krate::perf
