// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>

#include "krate/rate/class_moments.hpp"
#include "perf/cases/coding_rate.hpp"

namespace krate::perf {

/// A batch that goes into moments of classes as large as each other.
template <class Space, class T>
class ClassMomentsCase {
 public:
  using Arithmetic = double;
  using Options = RateSize;
  ClassMomentsCase(Space const& space, Options const& o)
      : options_(o), moments_(space, {}, {.dim = o.dim, .classes = o.classes}), space_(space) {
    arena_ = allocate(space, [&](auto& work) {
      z_ = work.template take<T>(o.samples, o.dim);
      labels_ = work.template take<Label>(o.samples);
      rates_ = work.template take<double>(o.classes, 1);
    });
    fill_normal(space, z_, 1 / std::sqrt(static_cast<double>(o.dim)), 0);
    fill_labels(space, labels_, o.classes);
  }
  void run(Space const& space) { moments_.add(space, z_, labels_); }
  Cost cost() const {
    double flops = 0;
    for (std::size_t k = 0; k < options_.classes; ++k)
      flops += class_flops(options_.samples / options_.classes + (k < options_.samples % options_.classes));
    auto const d = static_cast<double>(options_.dim);
    double const triangles = static_cast<double>(options_.classes) * d * (d + 1) / 2;  // read and written
    return {flops, static_cast<double>(z_.size()) * sizeof(T) + static_cast<double>(labels_.size()) * sizeof(Label) +
                       2 * triangles * sizeof(double)};
  }
  /// The rates of the classes.
  Matrix<double, Space> output() {
    auto const host = Kokkos::create_mirror_view(rates_);
    auto const found = moments_.result(space_, options_.eps_squared);
    for (std::size_t k = 0; k < options_.classes; ++k) host(k, 0) = found.per_class[k].rate;
    Kokkos::deep_copy(space_, rates_, host);
    space_.fence("krate::perf: output");
    return rates_;
  }
  static double least_memory(Options const& o) {
    auto const n = static_cast<double>(o.samples), d = static_cast<double>(o.dim);
    return n * d * sizeof(T) + static_cast<double>(o.classes) * d * d * sizeof(double);
  }

 private:
  /// Square tiles of the lower triangle, those on the diagonal in full; a batch goes in piece by piece, which changes
  /// no operation.
  double class_flops(std::size_t count) const {
    constexpr std::size_t tile = 128;  // as in rate/impl/class_moments_def.hpp
    double flops = 0;
    for (std::size_t i = 0; i < options_.dim; i += tile) {
      auto const height = static_cast<double>(std::min(tile, options_.dim - i));
      flops += product_flops(height, static_cast<double>(i) + height, static_cast<double>(count));
    }
    return flops;
  }

  Options options_;
  ClassMoments<Space> moments_;
  Space space_;
  Matrix<T, Space> z_;
  Vector<Label, Space> labels_;
  Matrix<double, Space> rates_;
  Arena<Space> arena_;
};

}  // namespace krate::perf
