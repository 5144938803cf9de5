// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/linalg/impl/symmetric_eigen_decl.hpp"
#include "linalg/impl/jacobi.hpp"
#include "linalg/impl/vendor.hpp"

#if KRATE_HAVE_BLAS
extern "C" {
void ssyevd_(char const* job, char const* uplo, int const* n, float* a, int const* lda, float* values, float* work,
             int const* lwork, int* iwork, int const* liwork, int* info);
void dsyevd_(char const* job, char const* uplo, int const* n, double* a, int const* lda, double* values, double* work,
             int const* lwork, int* iwork, int const* liwork, int* info);
}
#endif

namespace krate::impl {

/// One team a matrix: its lower triangle goes into both of the copy.
template <class Space, class T>
struct CopyLower {
  ConstTensor3<T, Space> a;
  EigenScratch<Space, T> scratch;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const m = team.league_rank();
    int const n = static_cast<int>(a.extent(1));
    T largest = 0, poison = 0;
    Kokkos::parallel_reduce(
        Kokkos::TeamVectorRange(team, n * n),
        [&](int e, T& most) {
          T const x = a(m, Kokkos::max(e / n, e % n), Kokkos::min(e / n, e % n));
          scratch.copies(m, e / n, e % n) = x;
          most = Kokkos::abs(x) > most ? Kokkos::abs(x) : most;
        },
        Kokkos::Max<T>(largest));
    team.team_barrier();
    Kokkos::parallel_reduce(
        Kokkos::TeamVectorRange(team, n * n), [&](int e, T& sum) { sum += 0 * scratch.copies(m, e / n, e % n); },
        poison);
    Kokkos::single(Kokkos::PerTeam(team), [&]() { scratch.largest(m) = largest + poison; });
  }
};

/// One team a matrix: rotations of the matrix divided by its largest number, whose squares cannot overflow.
template <class Space, class T>
struct RotateEach {
  EigenScratch<Space, T> scratch;
  Matrix<T, Space> values;
  Tensor3<T, Space> vectors;
  KOKKOS_FUNCTION void operator()(RowMember<Space> const& team) const {
    std::int64_t const m = team.league_rank();
    int const n = static_cast<int>(values.extent(1)), pairs = (n + 1) / 2;
    bool const with_vectors = vectors.data() != nullptr;
    T* const numbers = &scratch.numbers(m, 0);
    Matrix<T, Space> const a(&scratch.copies(m, 0, 0), n, n), rotations(numbers, 2, pairs);
    Matrix<T, Space> const v(with_vectors ? numbers + 2 * pairs : nullptr, n, n);
    T const scale = scratch.largest(m) == T(0) ? T(1) : scratch.largest(m);
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, n * n), [&](int e) {
      a(e / n, e % n) /= scale;
      if (with_vectors) v(e / n, e % n) = e / n == e % n ? T(1) : T(0);
    });
    team.team_barrier();
    bool const good = Kokkos::isfinite(scale) && Jacobi<Space, T>{a, v, rotations, n, pairs}.run(team);
    T const unit = good ? T(1) : Kokkos::Experimental::quiet_NaN_v<T>;
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, n), [&](int i) {
      int place = good ? 0 : i;
      for (int j = 0; j < n && good; ++j) place += a(j, j) < a(i, i) || (a(j, j) == a(i, i) && j < i);
      values(m, place) = unit * (scale * a(i, i));
      for (int k = 0; k < n && with_vectors; ++k) vectors(m, place, k) = unit * v(i, k);
    });
  }
};

#if KRATE_HAVE_BLAS
/// LAPACK counts columns first: its columns, the eigenvectors, are our rows.
template <class Space, class T>
struct LapackEach {
  EigenScratch<Space, T> scratch;
  Matrix<T, Space> values;
  Tensor3<T, Space> vectors;
  void operator()(std::int64_t m) const {
    int const n = static_cast<int>(values.extent(1)), size = static_cast<int>(scratch.numbers.extent(1));
    int const integers = static_cast<int>(scratch.integers.extent(1));
    char const* const job = vectors.data() ? "V" : "N";
    T* const copy = &scratch.copies(m, 0, 0);
    int info = std::isfinite(scratch.largest(m)) ? 0 : 1;  // a NaN could keep LAPACK busy for ever
    if (info == 0)
      call(job, n, copy, &values(m, 0), &scratch.numbers(m, 0), size, &scratch.integers(m, 0), integers, info);
    std::ptrdiff_t const count = std::ptrdiff_t(n) * n;
    T const nan = std::numeric_limits<T>::quiet_NaN();
    if (info != 0) {
      std::fill_n(&values(m, 0), n, nan);
      std::fill_n(copy, count, nan);
    }
    if (vectors.data()) std::copy_n(copy, count, &vectors(m, 0, 0));
  }

 private:
  static void call(char const* job, int n, float* a, float* w, float* work, int size, int* iwork, int isize,
                   int& info) {
    ssyevd_(job, "U", &n, a, &n, w, work, &size, iwork, &isize, &info);
  }
  static void call(char const* job, int n, double* a, double* w, double* work, int size, int* iwork, int isize,
                   int& info) {
    dsyevd_(job, "U", &n, a, &n, w, work, &size, iwork, &isize, &info);
  }
};
#endif

template <class Space, class T>
void SymmetricEigen<Space, T>::run(Space const& space, ConstTensor3<T, Space> a, Workspace<Space> work,
                                   Matrix<T, Space> values, Tensor3<T, Space> vectors, Route route) {
  constexpr std::size_t most_vendor_rows = 32000;  // LAPACK's workspace, 1 + 6 n + 2 n^2 numbers, is counted in int
  std::size_t const batch = a.extent(0), n = a.extent(1);
  if (a.size() == 0) return;
  EigenScratch<Space, T> const scratch(work, batch, n, vectors.data() != nullptr);
  bool const vendor = use_vendor("krate::symmetric_eigen", route, has_host_blas<Space> && n <= most_vendor_rows);
  Kokkos::parallel_for(KRATE_LABEL("krate::symmetric_eigen::copy"), rows(space, batch),
                       CopyLower<Space, T>{a, scratch});
  if (!vendor) {
    Kokkos::parallel_for(KRATE_LABEL("krate::symmetric_eigen::portable"), rows(space, batch),
                         RotateEach<Space, T>{scratch, values, vectors});
    return;
  }
#if KRATE_HAVE_BLAS
  if constexpr (has_host_blas<Space>) {
    Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::symmetric_eigen[vendor]"));
    LapackEach<Space, T> const each{scratch, values, vectors};
    if (batch == 1) return each(0);  // outside of a kernel LAPACK uses all its threads
    Kokkos::parallel_for(KRATE_LABEL("krate::symmetric_eigen::vendor"), elements(space, batch), each);
  }
#endif
}

}  // namespace krate::impl
