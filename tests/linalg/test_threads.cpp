// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Two host threads, each with an instance of its own, get the bits of the sequential run. Serial instances: OpenMP has
// one pool of threads a process.
#include <Kokkos_Core.hpp>
#ifdef KOKKOS_ENABLE_SERIAL
using TestSpace = Kokkos::Serial;

#include <thread>

#include "krate/linalg/cholesky.hpp"
#include "krate/linalg/gemm.hpp"
#include "krate/linalg/gram.hpp"
#include "krate/linalg/triangular_solve.hpp"
#include "linalg/operands.hpp"

namespace {

/// X = S^{-1} (A B), S = I + Z^T Z, many times over on one instance.
struct Chain {
  TestSpace space{Kokkos::NewInstance{}};
  krate::Route route;
  Kokkos::View<double**, Kokkos::LayoutRight, TestSpace> a, b, z, s, x;
  Kokkos::View<krate::NumericalStatus, TestSpace> status{"krate::test"};
  Array identity{{40, 40}};

  Chain(std::uint64_t seed, krate::Route r)
      : route(r),
        a(view<double, 2>(filled(seed, {40, 30}))),
        b(view<double, 2>(filled(seed + 1, {30, 50}))),
        z(view<double, 2>(filled(seed + 2, {70, 40}))),
        s("krate::test", 40, 40),
        x("krate::test", 40, 50) {}

  Array run() {
    for (int repeat = 0; repeat < 50; ++repeat) {
      krate::gemm(space, "N", "N", 1.0, a, b, 0.0, x, route);
      krate::gram(space, 1.0, z, 0.0, s, route);
      for (int i = 0; i < 40; ++i) s(i, i) += 1;  // Serial: nothing is pending
      krate::cholesky(space, s, krate::as_value<TestSpace>(status), route);
      krate::triangular_solve(space, "N", s, x, route);
      krate::triangular_solve(space, "T", s, x, route);
    }
    space.fence("krate::test: chain");
    Array out({40, 50});
    for (std::size_t i = 0; i < 40; ++i)
      for (std::size_t j = 0; j < 50; ++j) out(i, j) = x(i, j);
    return out;
  }
};

TEST(LinalgThreads, TwoInstancesFromTwoThreadsGiveTheSequentialBits) {
  for (auto const route : routes()) {
    Array const first = Chain(10, route).run(), second = Chain(20, route).run();
    Chain one(10, route), two(20, route);
    Array a, b;
    std::thread other([&] { b = two.run(); });
    a = one.run();
    other.join();
    EXPECT_TRUE(same_bits(a, first));
    EXPECT_TRUE(same_bits(b, second));
    EXPECT_FALSE(same_bits(a, b));
  }
}

}  // namespace
#endif
