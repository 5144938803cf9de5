// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/linalg/elementwise.hpp"
#include "krate/sparse/conv_code.hpp"
#include "perf/cases/cost.hpp"
#include "perf/cases/memory.hpp"
#include "perf/cases/numbers.hpp"

namespace krate::perf {

struct CscSize {
  ConvShape shape;
  std::size_t steps = 2;
  bool backward = false;
};

/// A layer of convolutional sparse coding by FISTA; with `backward` followed by its gradients.
template <class Space, class T>
class CscCase {
 public:
  using Arithmetic = T;
  using Options = CscSize;

  CscCase(Space const& space, Options const& o) : options_(o) {
    require_convolution("krate::bench", o.shape);
    auto const& s = o.shape;
    arena_ = allocate(space, [&](auto& work) {
      x_ = work.template take<T>(s.pixels(), s.channels);
      dict_ = work.template take<T>(s.atoms, s.patch());
      saved_ = ConvCodeSaved<Space, T>::cut(work, s, o.steps);
      if (o.backward) {
        dcode_ = work.template take<T>(s.codes(), s.atoms);
        dx_ = work.template take<T>(s.pixels(), s.channels);
        ddict_ = work.template take<T>(s.atoms, s.patch());
      }
      work_ = take_workspace(work,
                             o.backward ? conv_code_backward_workspace<Space, T>(s) : conv_code_workspace<Space, T>(s));
    });
    fill_normal(space, x_, 1, 0);
    fill_normal(space, dict_, 1, 1);
    normalize_atoms(space, dict_);
    if (o.backward) {
      fill_normal(space, dcode_, 1, 2);
      fill(space, ddict_, T(0));
    }
  }
  void run(Space const& space) {
    ConvCodeOptions const code{.steps = options_.steps, .step = 0.1, .lambda = 0.1};
    conv_code(space, options_.shape, x_, dict_, code, work_, saved_);
    if (options_.backward)
      conv_code_backward(space, options_.shape, x_, dict_, code, saved_, dcode_, work_, dx_, ddict_);
  }
  /// Convolutions alone: 2 T - 1 forward, and backward 4 T - 2: a synthesis, an analysis and two gradients of the
  /// dictionary a step, a synthesis and a gradient for the first.
  Cost cost() const {
    auto const& s = options_.shape;
    auto const steps = static_cast<double>(options_.steps), pixels = static_cast<double>(s.pixels() * s.channels),
               codes = static_cast<double>(s.codes() * s.atoms), dict = static_cast<double>(s.atoms * s.patch());
    double const one =
        product_flops(static_cast<double>(s.codes()), static_cast<double>(s.atoms), static_cast<double>(s.patch()));
    if (!options_.backward) return {(2 * steps - 1) * one, (pixels + dict + codes) * sizeof(T)};
    return {(6 * steps - 3) * one, (3 * pixels + 3 * dict + 2 * codes) * sizeof(T)};
  }
  Matrix<T, Space> output() const { return options_.backward ? dx_ : saved_.code(); }
  static double least_memory(Options const& o) {
    auto const& s = o.shape;
    auto const all = static_cast<double>(o.steps) * static_cast<double>(s.codes()) * static_cast<double>(s.atoms) +
                     static_cast<double>(s.pixels()) * static_cast<double>(s.channels) +
                     static_cast<double>(s.atoms) * static_cast<double>(s.patch());
    return (o.backward ? 3 : 1) * all * sizeof(T);
  }

 private:
  Options options_;
  Matrix<T, Space> x_, dict_, dcode_, dx_, ddict_;
  ConvCodeSaved<Space, T> saved_;
  Workspace<Space> work_;
  Arena<Space> arena_;
};

}  // namespace krate::perf
