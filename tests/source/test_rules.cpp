// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The rules themselves: each bad snippet must be found, no good one may be.
#include <gtest/gtest.h>

#include "rules.hpp"

namespace krate::source {
namespace {

constexpr char const* library = "src/rate/impl/x_def.hpp";

void expect(std::size_t count, std::string const& path, std::vector<char const*> const& snippets) {
  for (auto const* snippet : snippets) {
    auto const found = findings(path, snippet);
    EXPECT_EQ(found.size(), count) << snippet << (found.empty() ? "" : "\n  " + found[0].what);
  }
}

TEST(Rules, PoliciesNeedAnInstance) {
  expect(1, library,
         {"Kokkos::RangePolicy<Space>(0, n);", "Kokkos::RangePolicy<Space, Index> const r(0, n);",
          "Kokkos::MDRangePolicy<Space, Kokkos::Rank<2>>({0, 0}, {n, m});", "Kokkos::TeamPolicy<Space>(Space(), n, 1);",
          "Kokkos::TeamPolicy<> const p{n, Kokkos::AUTO};"});
  expect(0, library,
         {"Kokkos::RangePolicy<Space>(space, 0, n);", "Kokkos::TeamPolicy<Space> const p(space_, n, Kokkos::AUTO);",
          "Kokkos::MDRangePolicy<Space, Kokkos::Rank<2>>(run.space, {0, 0}, {n, m});",
          "Kokkos::RangePolicy<Space, Index> elements(Space const& space, std::size_t count) {}",
          "using RowTeams = Kokkos::TeamPolicy<Space, Index>;", "// Kokkos::RangePolicy<Space>(0, n)"});
}

TEST(Rules, KernelsNeedAnInstance) {
  expect(1, library,
         {"Kokkos::parallel_for(n, F{});", "Kokkos::parallel_for(\"krate::x\", n, F{});",
          "Kokkos::parallel_for(KRATE_LABEL(\"krate::x\"), x.extent(0), F{});",
          "Kokkos::parallel_reduce(\"krate::x\", 100, F{}, sum);", "Kokkos::parallel_scan(label, x.size(), F{});"});
  expect(0, library,
         {"Kokkos::parallel_for(KRATE_LABEL(\"krate::x\"), elements(space, n), F{});",
          "Kokkos::parallel_for(name(KRATE_LABEL(\"krate::x\"), v), impl::rows(space, a * b), F<Space, T>{a, b});",
          "Kokkos::parallel_for(label, policy, F{});",
          "Kokkos::parallel_for(Kokkos::TeamVectorRange(team, n), [&](int j) { y(j) = x(j); });",
          "Kokkos::parallel_reduce(\n    Kokkos::TeamThreadRange(team, n), f, sum);"});
  // Without an instance in the policy: the policy and the launch are both named.
  expect(2, library, {"Kokkos::parallel_for(KRATE_LABEL(\"krate::x\"), Kokkos::RangePolicy<Space>(0, n), F{});"});
}

TEST(Rules, CopiesAndProductsNeedAnInstance) {
  expect(1, library,
         {"Kokkos::deep_copy(a, b);", "Kokkos::deep_copy(x, 0.0);", "Kokkos::deep_copy(Space(), a, b);",
          "Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace{}, a);", "Kokkos::create_mirror_view(a);",
          "Kokkos::resize(a, n);", "Kokkos::create_mirror(Kokkos::HostSpace{}, a);"});
  expect(1, "src/linalg/impl/x.hpp", {"KokkosBlas::gemm(\"N\", \"N\", 1, a, b, 0, c);"});
  expect(0, library,
         {"Kokkos::deep_copy(space, a, b);", "Kokkos::create_mirror_view(Kokkos::WithoutInitializing, a);",
          "Kokkos::deep_copy(\n      context.space(), View<T, Host>(p, n), b);",
          "Kokkos::create_mirror_view_and_copy(Kokkos::view_alloc(space, Kokkos::HostSpace{}), a);"});
  expect(0, "src/linalg/impl/x.hpp", {"KokkosBlas::gemm(space, \"N\", \"N\", 1, a, b, 0, c);"});
}

TEST(Rules, ViewsNeedAnInstance) {
  expect(1, library,
         {"Kokkos::View<double*, Space> a(\"krate::a\", n);", "Kokkos::View<double*, Space> const a{\"krate::a\", n};",
          "auto a = Kokkos::View<double**, Kokkos::LayoutRight>(\"krate::a\", n, m);",
          "Rows const a(\"krate::a\", n, m);", "a_ = Staged(\"krate::a\", n);", "a_ = decltype(a_)(\"krate::a\", n);",
          "Buffer a(Kokkos::view_alloc(\"krate::a\"), n);",
          "Buffer a(Kokkos::view_alloc(Kokkos::WithoutInitializing, \"krate::a\"), n);"});
  expect(0, library,
         {"Kokkos::View<double*, Space> a(Kokkos::view_alloc(space, \"krate::a\"), n);",
          "a_ = Buffer(Kokkos::view_alloc(space_, Kokkos::WithoutInitializing, label), n);",
          "HostBuffer a(Kokkos::view_alloc(Kokkos::WithoutInitializing, \"krate::a\"), n);",
          "Kokkos::View<T*, Kokkos::HostSpace, impl::Unmanaged>(p, n);", "throw IoError(\"krate::io\", text);",
          "OptionTable o(\"krate::train\");", "Arena<Space>(space, bytes, \"krate::arena\");",
          "auto const place = impl_->place(\"krate::io\", path);"});
}

TEST(Rules, FencesAreNarrowAndNamed) {
  expect(1, library, {"Kokkos::fence();", "Kokkos::fence(\"krate::x\");", "space.fence();"});
  expect(0, library, {"space.fence(KRATE_LABEL(\"krate::x: why\"));", "// Kokkos::fence() is not used"});
}

TEST(Rules, TheLibraryLeavesTheProgramAlone) {
  std::vector<char const*> const bad{"std::exit(1);",
                                     "exit(1);",
                                     "std::abort();",
                                     "Kokkos::abort(\"x\");",
                                     "std::printf(\"x\");",
                                     "std::fprintf(stderr, \"x\");",
                                     "std::cout << x;",
                                     "std::cerr << x;",
                                     "std::getenv(\"HOME\");",
                                     "MPI_Barrier(MPI_COMM_WORLD);",
                                     "MPI_Init(nullptr, nullptr);",
                                     "MPI_Abort(comm, 1);",
                                     "Kokkos::initialize(settings);",
                                     "std::signal(SIGTERM, f);"};
  expect(1, library, bad);
  expect(1, "include/krate/core/x.hpp", bad);
  expect(0, "src/tools/x.cpp", bad);
  expect(0, library,
         {"std::fprintf(file_, \"x\");", "std::snprintf(line, n, \"x\");", "on_exit_(1);",
          "fail(\"call MPI_Init(…) before\");", "MPI_Initialized(&is);", "// exit(1)"});
}

TEST(Rules, ForeignLibrariesHaveOneDoor) {
  expect(1, "src/io/dataset.cpp", {"x = H5Fopen(path);"});
  expect(1, "tests/io/test_x.cpp", {"x = H5Fopen(path);"});
  expect(0, "src/io/hdf5_data.cpp", {"x = H5Fopen(path);"});
  expect(1, "include/krate/io/x.hpp", {"#include <hdf5.h>"});
  expect(1, "src/rate/impl/x.hpp",
         {"using Blas = KokkosBlas::Impl::HostBlas<T>;", "cblas_dgemm;", "dnnl::matmul(code);", "dnnl_sgemm;"});
  expect(0, "src/linalg/x.cpp", {"dnnl::matmul(code);"});
  expect(0, "perf/variants/x.hpp", {"KokkosBlas::gemm(space, \"N\", \"N\", 1, a, b, 0, c);"});
}

TEST(Rules, ModulesIncludeOnlyThoseBelow) {
  expect(1, library, {"#include \"krate/models/crate.hpp\"", "#include \"nn/impl/linear_def.hpp\""});
  expect(0, library,
         {"#include \"krate/linalg/gemm.hpp\"", "#include \"rate/impl/y_def.hpp\"", "#include \"y.hpp\"",
          "#include <krate/version.hpp>", "#include \"krate/version.hpp\""});
}

}  // namespace
}  // namespace krate::source
