// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include "krate/analysis/impl/lanczos_decl.hpp"
#include "krate/core/arena.hpp"
#include "krate/core/error.hpp"
#include "krate/core/label.hpp"
#include "krate/linalg/gemm.hpp"
#include "krate/linalg/symmetric_eigen.hpp"
#include "krate/nn/initialize.hpp"
#include "krate/rate/impl/host_copy.hpp"

namespace krate::impl {

/// x *= factor
template <class Space, class T>
struct ScaleVector {
  Vector<T, Space> x;
  T factor;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const { x(i) *= factor; }
};

template <class Space, class T>
struct LanczosScratch {
  Matrix<T, Space> basis;  ///< [most + 1, size], a vector a row
  Vector<T, Space> coefficients;
  Matrix<T, Space> tridiagonal, ritz_vectors;
  Vector<T, Space> ritz_values;
  LanczosScratch(Workspace<Space>& work, std::size_t size, std::size_t most)
      : basis(work.template take<T>(most + 1, size)),
        coefficients(work.template take<T>(most + 1)),
        tridiagonal(work.template take<T>(most, most)),
        ritz_vectors(work.template take<T>(most, most)),
        ritz_values(work.template take<T>(most)) {}
};

/// The basis of the space that products span, and the tridiagonal matrix that the operator is there.
template <class Space, class T>
class LanczosBasis {
 public:
  LanczosBasis(Space const& space, std::size_t size, std::size_t most)
      : space_(space),
        size_(size),
        arena_(space, bytes(size, most), "krate::analysis::lanczos"),
        work_(arena_.workspace()),
        scratch_(work_, size, most) {}

  std::size_t steps() const { return diagonal_.size(); }
  Vector<T, Space> vector(std::size_t j) const { return Vector<T, Space>(scratch_.basis.data() + j * size_, size_); }
  /// Length of what the last product has outside of the basis.
  double beta() const { return off_.empty() ? 0 : off_.back(); }

  void start(Seed seed) {
    initialize_normal(space_, vector(0), 1, seed, 0);
    normalise(0);
  }

  /// Vector j + 1 holds the product with vector j, and is made the next of the basis.
  /// @return whether there is a next, longer than `least` of the largest number so far: else the basis is closed
  bool take_product(double least) {
    std::size_t const j = steps();
    auto const first = orthogonalise(j + 1), second = orthogonalise(j + 1);
    diagonal_.push_back(first[j] + second[j]);
    largest_ = std::max({largest_, std::abs(diagonal_.back()), beta()});
    off_.push_back(normalise(j + 1));
    return beta() > least * largest_ && steps() < size_;
  }

  /// Eigenvalues of the tridiagonal matrix, ascending, and the last entries of its eigenvectors.
  std::pair<std::vector<T>, std::vector<T>> ritz() const {
    std::size_t const k = steps();
    std::vector<T> full(k * k, 0), values(k), last(k);
    for (std::size_t i = 0; i < k; ++i) {
      full[i * (k + 1)] = diagonal_[i];
      if (i > 0) full[i * k + i - 1] = full[(i - 1) * k + i] = off_[i - 1];
    }
    Matrix<T, Space> const matrix(scratch_.tridiagonal.data(), k, k), vectors(scratch_.ritz_vectors.data(), k, k);
    Vector<T, Space> const found(scratch_.ritz_values.data(), k);
    copy_to_device(space_, full, Vector<T, Space>(matrix.data(), k * k));
    symmetric_eigen(space_, matrix, work_, found, vectors);
    copy_to_host(space_, found, values, KRATE_LABEL("krate::analysis::lanczos: eigenvalues are read"));
    copy_to_host(space_, Vector<T, Space>(vectors.data(), k * k), full,
                 KRATE_LABEL("krate::analysis::lanczos: eigenvectors are read"));
    for (std::size_t i = 0; i < k; ++i) last[i] = full[i * k + k - 1];
    return {values, last};
  }

 private:
  static std::size_t bytes(std::size_t size, std::size_t most) {
    return measure<Space>([&](Workspace<Space>& work) { LanczosScratch<Space, T>(work, size, most); }) +
           symmetric_eigen_workspace<T>(1, most, true);
  }

  /// Takes from vector `count` its parts along those before; returns them.
  std::vector<T> orthogonalise(std::size_t count) {
    Matrix<T, Space> const before(scratch_.basis.data(), count, size_),
        next(scratch_.basis.data() + count * size_, size_, 1);
    Matrix<T, Space> const parts(scratch_.coefficients.data(), count, 1);
    gemm(space_, "N", "N", T(1), before, next, T(0), parts);
    gemm(space_, "T", "N", T(-1), before, parts, T(1), next);
    std::vector<T> found(count);
    copy_to_host(space_, Vector<T, Space>(parts.data(), count), found,
                 KRATE_LABEL("krate::analysis::lanczos: coefficients are read"));
    return found;
  }

  /// Gives vector j unit length; returns what it had.
  double normalise(std::size_t j) {
    Matrix<T, Space> const column(scratch_.basis.data() + j * size_, size_, 1);
    gemm(space_, "T", "N", T(1), column, column, T(0), Matrix<T, Space>(scratch_.coefficients.data(), 1, 1));
    std::array<T, 1> square{};
    copy_to_host(space_, Vector<T, Space>(scratch_.coefficients.data(), 1), square,
                 KRATE_LABEL("krate::analysis::lanczos: a length is read"));
    double const length = std::sqrt(square[0]);
    if (!std::isfinite(length)) {
      throw NumericalError(
          "krate::analysis::largest_eigenvalues",
          "product " + std::to_string(j) + " is not finite (NaN in the operator, or overflow); look at the operator");
    }
    if (length > 0)
      Kokkos::parallel_for(KRATE_LABEL("krate::analysis::lanczos::normalise"), elements(space_, size_),
                           ScaleVector<Space, T>{vector(j), static_cast<T>(1 / length)});
    return length;
  }

  Space space_;
  std::size_t size_;
  Arena<Space> arena_;
  Workspace<Space> work_;
  LanczosScratch<Space, T> scratch_;
  std::vector<T> diagonal_, off_;
  double largest_ = 0;
};

template <class Space, class T>
analysis::LanczosResult Lanczos<Space, T>::run(Space const& space, std::size_t size,
                                               analysis::LanczosOptions const& options,
                                               analysis::SymmetricOperator<Space> apply) {
  constexpr std::size_t look_every = 5;
  double const least = std::max(options.tolerance, 16.0 * std::numeric_limits<T>::epsilon());
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::analysis::lanczos"));
  std::size_t const most = std::min(options.most_products, size);
  LanczosBasis<Space, T> basis(space, size, most);
  basis.start(options.seed);
  while (true) {
    apply(basis.vector(basis.steps()), basis.vector(basis.steps() + 1));
    bool const more = basis.take_product(least), last = !more || basis.steps() == most;
    if (!last && basis.steps() % look_every != 0) continue;
    auto const [values, ends] = basis.ritz();
    analysis::LanczosResult found;
    found.products = basis.steps();
    double const scale = std::max(std::abs(values.front()), std::abs(values.back()));
    bool good = values.size() >= options.count || !more;
    for (std::size_t i = values.size(); i-- > 0 && found.values.size() < options.count;) {
      found.values.push_back(values[i]);
      found.residuals.push_back(more ? std::abs(basis.beta() * ends[i]) : 0);
      good = good && found.residuals.back() <= options.tolerance * scale;
    }
    found.converged = good;
    if (good || last) return found;
  }
}

}  // namespace krate::impl
