// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cmath>
#include <limits>

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/linalg/elementwise.hpp"
#include "krate/sparse/conv_code.hpp"

namespace krate::impl {

/// What a step of FISTA adds up of the last two codes.
struct Momentum {
  double alpha = 1, beta = 0;
};
/// @param t  the step, counted from 1
inline Momentum momentum(ConvCodeOptions const& options, std::size_t t) {
  if (options.method == ConvCodeOptions::Method::ista || t < 3) return {};
  double k = (1 + std::sqrt(5.0)) / 2;
  for (std::size_t i = 3;; ++i) {
    double const next = (1 + std::sqrt(1 + 4 * k * k)) / 2;
    if (i == t) return {(k + next - 1) / next, (k - 1) / next};
    k = next;
  }
}

/// v less what of it lies between two bounds; one work item an element, as all of these.
template <class Space, class T>
struct ShrinkCode {
  T scale, lower, upper;
  Vector<T, Space> code;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const {
    T const v = scale * code(i), above = v < lower ? lower : v;
    code(i) = v - (above > upper ? upper : above);
  }
};
template <class Space, class T>
struct Extrapolate {
  ConstVector<T, Space> last, before;
  T alpha, beta;
  Vector<T, Space> out;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const {
    out(i) = beta == T(0) ? alpha * last(i) : alpha * last(i) - beta * before(i);
  }
};
/// The gradient before the threshold: none where the code is 0.
template <class Space, class T>
struct MaskGradient {
  ConstVector<T, Space> code, gradient;
  T scale;
  Vector<T, Space> out;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const {
    T const g = scale * gradient(i);
    out(i) = code(i) != T(0) ? g : T(0);
  }
};
/// From the gradient of what a step started from to those of the last code and of the one before it.
template <class Space, class T>
struct ShareStepGradient {
  ConstVector<T, Space> start, direct;  ///< direct: what the residual took of the last code itself; may be empty
  T alpha, beta;
  Vector<T, Space> last, before;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const {
    last(i) = before(i) + alpha * start(i) + (direct.data() ? direct(i) : T(0));
    before(i) = -beta * start(i);
  }
};

template <class T, class Space>
Vector<T, Space> flattened(Matrix<T, Space> const& m) {
  return Vector<T, Space>(m.data(), m.size());
}

template <class Space, class T>
struct ConvCodeGradients {
  Matrix<T, Space> last, before, masked, start;  ///< [codes, atoms]
  Matrix<T, Space> image;                        ///< [pixels, channels]
  template <class W>
  ConvCodeGradients(W& work, ConvShape const& s)
      : last(work.template take<T>(s.codes(), s.atoms)),
        before(work.template take<T>(s.codes(), s.atoms)),
        masked(work.template take<T>(s.codes(), s.atoms)),
        start(work.template take<T>(s.codes(), s.atoms)),
        image(work.template take<T>(s.pixels(), s.channels)) {}
};

template <class Space, class T>
std::size_t ConvCode<Space, T>::forward_bytes(ConvShape const& shape) {
  return conv_dictionary_workspace<Space, T>(shape);
}

template <class Space, class T>
std::size_t ConvCode<Space, T>::backward_bytes(ConvShape const& shape) {
  return measure<Space>([&](auto& work) { ConvCodeGradients<Space, T>(work, shape); }) +
         conv_dictionary_workspace<Space, T>(shape);
}

template <class Space, class T>
void extrapolate(Space const& space, Momentum const& m, ConvCodeSaved<Space, T> const& saved, std::size_t t,
                 Matrix<T, Space> out) {
  auto const before = flattened(saved.codes[t > 2 ? t - 3 : t - 2]);
  Kokkos::parallel_for(
      KRATE_LABEL("krate::conv_code::extrapolate"), elements(space, out.size()),
      Extrapolate<Space, T>{flattened(saved.codes[t - 2]), before, T(m.alpha), T(m.beta), flattened(out)});
}

template <class Space, class T>
void ConvCode<Space, T>::forward(Space const& space, ConvShape const& shape, ConstMatrix<T, Space> x,
                                 ConstMatrix<T, Space> dict, ConvCodeOptions const& options, Workspace<Space> work,
                                 ConvCodeSaved<Space, T> const& saved) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::conv_code"));
  T const step = T(options.step);
  double const scale = 1 / (1 + options.mu * options.step);
  T const bound = T(options.lambda * options.step * scale),
          lower = options.nonnegative ? -std::numeric_limits<T>::infinity() : -bound;
  auto const shrink = [&](Matrix<T, Space> const& code) {
    Kokkos::parallel_for(KRATE_LABEL("krate::conv_code::shrink"), elements(space, code.size()),
                         ShrinkCode<Space, T>{T(scale), lower, bound, flattened(code)});
  };
  analyze(space, shape, step, x, dict, T(0), saved.codes[0], work);
  shrink(saved.codes[0]);
  for (std::size_t t = 2; t <= options.steps; ++t) {
    auto const& code = saved.codes[t - 1];
    auto const& residual = saved.residuals[t - 2];
    bool const at_code = options.method != ConvCodeOptions::Method::fista;
    extrapolate(space, momentum(options, t), saved, t, code);
    copy(space, ConstVector<T, Space>(x.data(), x.size()), residual);
    synthesize(space, shape, T(-1), at_code ? saved.codes[t - 2] : code, dict, T(1), residual, work);
    analyze(space, shape, step, residual, dict, T(1), code, work);
    shrink(code);
  }
}

template <class Space, class T>
void ConvCode<Space, T>::backward(Space const& space, ConvShape const& shape, ConstMatrix<T, Space> x,
                                  ConstMatrix<T, Space> dict, ConvCodeOptions const& options,
                                  ConvCodeSaved<Space, T> const& saved, ConstMatrix<T, Space> dcode,
                                  Workspace<Space> work, Matrix<T, Space> dx, Matrix<T, Space> ddict) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::conv_code_backward"));
  ConvCodeGradients<Space, T> const g(work, shape);
  T const step = T(options.step), scale = T(1 / (1 + options.mu * options.step));
  bool const input = dx.size() > 0, parameters = ddict.size() > 0;
  auto const mask = [&](std::size_t t) {
    Kokkos::parallel_for(
        KRATE_LABEL("krate::conv_code_backward::mask"), elements(space, g.masked.size()),
        MaskGradient<Space, T>{flattened(saved.codes[t - 1]), flattened(g.last), scale, flattened(g.masked)});
  };
  copy(space, dcode, g.last);
  fill(space, g.before, T(0));
  if (input) fill(space, dx, T(0));
  for (std::size_t t = options.steps; t >= 2; --t) {
    auto const m = momentum(options, t);
    bool const as_coded = options.method == ConvCodeOptions::Method::fista_as_coded && m.beta != 0;
    mask(t);
    synthesize(space, shape, T(1), g.masked, dict, T(0), g.image, work);
    if (parameters) {
      dictionary_gradient(space, shape, step, saved.residuals[t - 2], g.masked, ddict, work);
      Matrix<T, Space> at = saved.codes[t - 2];
      if (m.beta != 0 && !as_coded) extrapolate(space, m, saved, t, at = g.start);
      dictionary_gradient(space, shape, -step, g.image, at, ddict, work);
    }
    if (input)
      Kokkos::parallel_for(KRATE_LABEL("krate::conv_code_backward::input"), elements(space, dx.size()),
                           Extrapolate<Space, T>{flattened(g.image), flattened(dx), step, T(-1), flattened(dx)});
    if (as_coded) {
      analyze(space, shape, -step, g.image, dict, T(0), g.start, work);
    } else {
      analyze(space, shape, -step, g.image, dict, T(1), g.masked, work);
    }
    auto const direct = as_coded ? flattened(g.start) : Vector<T, Space>();
    Kokkos::parallel_for(KRATE_LABEL("krate::conv_code_backward::share"), elements(space, g.last.size()),
                         ShareStepGradient<Space, T>{flattened(g.masked), direct, T(m.alpha), T(m.beta),
                                                     flattened(g.last), flattened(g.before)});
  }
  mask(1);
  if (parameters) dictionary_gradient(space, shape, step, x, g.masked, ddict, work);
  if (input) synthesize(space, shape, step, g.masked, dict, T(1), dx, work);
}

}  // namespace krate::impl
