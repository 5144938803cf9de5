// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/rate/rate_accumulator.hpp"
#include "perf/cases/gram.hpp"
#include "perf/cases/roof.hpp"
#include "perf/variants/fma_peak.hpp"
#include "perf/variants/read_stream.hpp"

namespace krate::perf {

/// The rate of a simulation's field, rows of a few quantities by the million, as its owner asks for it.
template <class Space, class T>
class InSituCase {
 public:
  using Arithmetic = double;
  struct Options {
    std::size_t samples = 0, dim = 0;
    bool left = false;      ///< quantities apart (LayoutLeft), not cells (LayoutRight)
    bool gradient = false;  ///< value and gradient, not the value alone
  };
  InSituCase(Space const& space, Options const& o) : options_(o), rate_(space, {}, {.dim = o.dim, .eps_squared = 0.5}) {
    Vector<T, Space> z, g;
    arena_ = allocate(space, [&](auto& work) {
      z = work.template take<T>(o.samples * o.dim);
      g = work.template take<T>(o.gradient ? o.samples * o.dim : 0);
    });
    fill_normal(space, z, 1, 0);
    Kokkos::LayoutStride const layout = o.left ? Kokkos::LayoutStride(o.samples, 1, o.dim, o.samples)
                                               : Kokkos::LayoutStride(o.samples, o.dim, o.dim, 1);
    z_ = Strided<T, Space>(z.data(), layout);
    g_ = Strided<T, Space>(g.data(), layout);
  }
  void run(Space const& space) {
    rate_.reset(space);
    rate_.add(space, z_);
    value_ = rate_.result(space);
    if (options_.gradient) rate_.gradient(space, z_, g_);
  }
  /// One read for the value; another, and one write, for the gradient.
  Cost cost() const {
    auto const n = static_cast<double>(options_.samples), d = static_cast<double>(options_.dim);
    return {gram_flops(n, d) + (options_.gradient ? product_flops(n, d, d) : 0),
            n * d * sizeof(T) * (options_.gradient ? 3 : 1)};
  }
  double value() const { return value_; }
  Strided<T, Space> output() const { return options_.gradient ? g_ : z_; }
  static double least_memory(Options const& o) {
    return static_cast<double>(o.samples * o.dim) * sizeof(T) * (o.gradient ? 2 : 1);
  }
  /// A stream that is only read, and multiply-adds in registers: higher than triad and product.
  static Roof roof(Space const& space) {
    FmaPeakCase<Space> fma(space);
    ReadStreamCase<Space> read(space);
    return {fma.cost().flops / fastest(space, fma), read.cost().bytes / fastest(space, read)};
  }

 private:
  Options options_;
  RateAccumulator<Space, T> rate_;
  Strided<T, Space> z_, g_;
  double value_ = 0;
  Arena<Space> arena_;
};

}  // namespace krate::perf
