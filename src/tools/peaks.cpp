// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>

#include "krate/core/arena.hpp"
#include "krate/linalg/elementwise.hpp"
#include "krate/linalg/gemm.hpp"
#include "tools/machine.hpp"

namespace krate::tools {

template <class S>
struct Triad {
  ConstVector<double, S> b, c;
  Vector<double, S> a;
  double s;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const { a(i) = b(i) + s * c(i); }
};

namespace {

constexpr int repeats = 5;

// The shortest of several runs in seconds, after one that warms up.
template <class Work>
double best_seconds(Space const& space, Work const& work) {
  work();
  space.fence("krate::tools::peaks: warm-up");
  double best = 1e30;
  for (int r = 0; r < repeats; ++r) {
    Kokkos::Timer const clock;
    work();
    space.fence("krate::tools::peaks: stop");
    best = std::min(best, clock.seconds());
  }
  return best;
}

template <class T>
double product_rate(Space const& space) {
  constexpr std::size_t small = 1024, large = impl::is_device<Space> ? 8192 : 2048;
  double best = 0;
  for (std::size_t n = small; n <= large; n *= 2) {
    auto const cut = [n](auto& work) {
      return std::array{work.template take<T>(n, n), work.template take<T>(n, n), work.template take<T>(n, n)};
    };
    Arena<Space> const arena(space, measure<Space>(cut), "krate::tools::peaks");
    auto work = arena.workspace();
    auto const [a, b, c] = cut(work);
    fill(space, a, T(0.5));
    fill(space, b, T(0.25));
    fill(space, c, T(0));
    double const seconds =
        best_seconds(space, [&, a = a, b = b, c = c] { gemm(space, "N", "N", T(1), a, b, T(0), c); });
    best = std::max(best, 2e-9 * static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n) / seconds);
  }
  return best;
}

double triad_rate(Space const& space) {
  // Far beyond any cache, and no power of two apart, so that the three streams do not fall on the same cache sets.
  std::size_t const most = (std::size_t(1) << 24) + 12 * 1024 + 48;
  std::size_t const n = impl::is_device<Space> ? most : std::min(most, memory_bytes() / 64 / sizeof(double));
  auto const cut = [n](auto& work) {
    return std::array{work.template take<double>(n), work.template take<double>(n), work.template take<double>(n)};
  };
  Arena<Space> const arena(space, measure<Space>(cut), "krate::tools::peaks");
  auto work = arena.workspace();
  auto const [a, b, c] = cut(work);
  fill(space, a, 0);
  fill(space, b, 1);
  fill(space, c, 2);
  Triad<Space> const triad{b, c, a, 3};
  double const seconds = best_seconds(
      space, [&] { Kokkos::parallel_for(KRATE_LABEL("krate::tools::peaks::triad"), impl::elements(space, n), triad); });
  return 3e-9 * sizeof(double) * static_cast<double>(n) / seconds;
}

}  // namespace

Peaks measure_peaks(Space const& space) {
  return {product_rate<float>(space), product_rate<double>(space), triad_rate(space)};
}

}  // namespace krate::tools
