// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/linalg/elementwise.hpp"
#include "krate/sparse/conv_code_implicit.hpp"
#include "krate/sparse/dictionary_norm.hpp"

namespace krate::impl {

inline constexpr std::size_t dot_chunks = 64;

/// Inner products in a fixed number of parts, in double, so that they do not depend on threads; one work item a part.
template <class Space, class T>
struct DotChunk {
  ConstVector<T, Space> a, b;
  Vector<double, Space> partial;
  KOKKOS_FUNCTION void operator()(std::int64_t chunk) const {
    auto const n = static_cast<std::int64_t>(a.extent(0)), chunks = static_cast<std::int64_t>(dot_chunks);
    double sum = 0;
    for (std::int64_t i = chunk * n / chunks; i < (chunk + 1) * n / chunks; ++i)
      sum += static_cast<double>(a(i)) * static_cast<double>(b(i));
    partial(chunk) = sum;
  }
};
template <class Space>
struct SumDot {
  ConstVector<double, Space> partial;
  Value<double, Space> sum;
  KOKKOS_FUNCTION void operator()(std::int64_t) const {
    double all = 0;
    for (std::size_t chunk = 0; chunk < dot_chunks; ++chunk) all += partial(chunk);
    sum() = all;
  }
};
template <class Space, class T>
void dot(Space const& space, ConstVector<T, Space> a, ConstVector<T, Space> b, Vector<double, Space> partial,
         Value<double, Space> sum) {
  Kokkos::parallel_for(KRATE_LABEL("krate::conv_solve::dot"), elements(space, dot_chunks),
                       DotChunk<Space, T>{a, b, partial});
  Kokkos::parallel_for(KRATE_LABEL("krate::conv_solve::dot"), elements(space, 1), SumDot<Space>{partial, sum});
}

/// out = v / |v|
template <class Space, class T>
struct ToUnitLength {
  Value<double, Space> square;
  Vector<T, Space> v;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const {
    if (square() > 0) v(i) = static_cast<T>(static_cast<double>(v(i)) / Kokkos::sqrt(square()));
  }
};
template <class Space, class T>
void to_unit_length(Space const& space, Vector<T, Space> v, Vector<double, Space> partial,
                    Value<double, Space> square) {
  dot<Space, T>(space, v, v, partial, square);
  Kokkos::parallel_for(KRATE_LABEL("krate::conv_solve::unit"), elements(space, v.size()),
                       ToUnitLength<Space, T>{square, v});
}

/// out = [code != 0] in, with mu times a further vector added there.
template <class Space, class T>
struct OnSupport {
  ConstVector<T, Space> code, in, more;
  T mu;
  Vector<T, Space> out;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const {
    out(i) = code(i) != T(0) ? in(i) + (more.data() ? mu * more(i) : T(0)) : T(0);
  }
};
/// to += sign (up / down) from; nothing once `down` is 0.
template <class Space, class T>
struct AddQuotient {
  Value<double, Space> up, down;
  double sign;
  ConstVector<T, Space> from;
  Vector<T, Space> to;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const {
    if (down() > 0) to(i) = static_cast<T>(to(i) + sign * (up() / down()) * from(i));
  }
};
/// direction = residual + (now / before) direction
template <class Space, class T>
struct NextDirection {
  Value<double, Space> now, before;
  ConstVector<T, Space> residual;
  Vector<T, Space> direction;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const {
    double const share = before() > 0 ? now() / before() : 0;
    direction(i) = static_cast<T>(residual(i) + share * direction(i));
  }
};

template <class Space, class T>
struct SolveScratch {
  Matrix<T, Space> solution, residual, direction, image_of;  ///< [codes, atoms]
  Matrix<T, Space> image, fit;                               ///< [pixels, channels]
  Vector<double, Space> partial;
  Value<double, Space> squares[2], curvature;
  template <class W>
  SolveScratch(W& work, ConvShape const& s)
      : solution(work.template take<T>(s.codes(), s.atoms)),
        residual(work.template take<T>(s.codes(), s.atoms)),
        direction(work.template take<T>(s.codes(), s.atoms)),
        image_of(work.template take<T>(s.codes(), s.atoms)),
        image(work.template take<T>(s.pixels(), s.channels)),
        fit(work.template take<T>(s.pixels(), s.channels)),
        partial(work.template take<double>(dot_chunks)),
        squares{work.template take<double>(), work.template take<double>()},
        curvature(work.template take<double>()) {}
};

template <class Space, class T>
std::size_t ConvSolve<Space, T>::norm_bytes(ConvShape const& s) {
  return measure<Space>([&](auto& work) {
           work.template take<T>(s.pixels(), s.channels);
           work.template take<double>(dot_chunks);
         }) +
         conv_dictionary_workspace<Space, T>(s);
}

template <class Space, class T>
std::size_t ConvSolve<Space, T>::implicit_bytes(ConvShape const& s) {
  return measure<Space>([&](auto& work) { SolveScratch<Space, T>(work, s); }) + conv_dictionary_workspace<Space, T>(s);
}

template <class Space, class T>
void ConvSolve<Space, T>::norm(Space const& space, ConvShape const& shape, ConstMatrix<T, Space> dict,
                               std::size_t iterations, Workspace<Space> work, Matrix<T, Space> vector,
                               Value<double, Space> square) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::dictionary_norm"));
  auto const image = work.template take<T>(shape.pixels(), shape.channels);
  auto const partial = work.template take<double>(dot_chunks);
  Vector<T, Space> const v(vector.data(), vector.size()), u(image.data(), image.size());
  to_unit_length<Space, T>(space, v, partial, square);
  for (std::size_t i = 0; i < iterations; ++i) {
    synthesize(space, shape, T(1), vector, dict, T(0), image, work);
    analyze(space, shape, T(1), image, dict, T(0), vector, work);
    to_unit_length<Space, T>(space, v, partial, square);
  }
  synthesize(space, shape, T(1), vector, dict, T(0), image, work);
  dot<Space, T>(space, u, u, partial, square);
}

template <class Space, class T>
void ConvSolve<Space, T>::implicit(Space const& space, ConvShape const& shape, ConstMatrix<T, Space> x,
                                   ConstMatrix<T, Space> dict, double mu, ConstMatrix<T, Space> code,
                                   ConstMatrix<T, Space> dcode, std::size_t iterations, Workspace<Space> work,
                                   Matrix<T, Space> dx, Matrix<T, Space> ddict) {
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::conv_code_implicit_backward"));
  SolveScratch<Space, T> const s(work, shape);
  auto const flat = [](auto const& m) {
    return Vector<typename std::decay_t<decltype(m)>::value_type, Space>(m.data(), m.size());
  };
  auto const on_support = [&](ConstMatrix<T, Space> in, ConstVector<T, Space> more, Matrix<T, Space> out) {
    Kokkos::parallel_for(KRATE_LABEL("krate::conv_solve::support"), elements(space, out.size()),
                         OnSupport<Space, T>{flat(code), flat(in), more, T(mu), flat(out)});
  };
  auto const add = [&](Value<double, Space> up, double sign, Matrix<T, Space> from, Matrix<T, Space> to) {
    Kokkos::parallel_for(KRATE_LABEL("krate::conv_solve::add"), elements(space, to.size()),
                         AddQuotient<Space, T>{up, s.curvature, sign, flat(from), flat(to)});
  };
  fill(space, s.solution, T(0));
  on_support(dcode, {}, s.residual);
  copy(space, s.residual, s.direction);
  dot<Space, T>(space, flat(s.residual), flat(s.residual), s.partial, s.squares[0]);
  for (std::size_t i = 0; i < iterations; ++i) {
    auto const before = s.squares[i % 2], now = s.squares[1 - i % 2];
    synthesize(space, shape, T(1), s.direction, dict, T(0), s.image, work);
    analyze(space, shape, T(1), s.image, dict, T(0), s.image_of, work);
    on_support(s.image_of, flat(s.direction), s.image_of);
    dot<Space, T>(space, flat(s.direction), flat(s.image_of), s.partial, s.curvature);
    add(before, 1, s.direction, s.solution);
    add(before, -1, s.image_of, s.residual);
    dot<Space, T>(space, flat(s.residual), flat(s.residual), s.partial, now);
    Kokkos::parallel_for(KRATE_LABEL("krate::conv_solve::direction"), elements(space, s.direction.size()),
                         NextDirection<Space, T>{now, before, flat(s.residual), flat(s.direction)});
  }
  synthesize(space, shape, T(1), s.solution, dict, T(0), dx, work);
  copy(space, ConstVector<T, Space>(x.data(), x.size()), s.fit);
  synthesize(space, shape, T(-1), code, dict, T(1), s.fit, work);
  dictionary_gradient(space, shape, T(1), s.fit, s.solution, ddict, work);
  dictionary_gradient(space, shape, T(-1), dx, code, ddict, work);
}

}  // namespace krate::impl
