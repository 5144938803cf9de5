// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "krate/core/label.hpp"
#include "krate/games/pursuit.hpp"
#include "krate/linalg/add_scaled.hpp"
#include "krate/linalg/elementwise.hpp"
#include "krate/rate/coding_rate.hpp"
#include "krate/rate/impl/host_copy.hpp"

namespace krate::train {

/// Samples class by class, and where each class begins that has some; the end last.
struct ByClass {
  std::vector<int> samples;
  std::vector<std::size_t> offsets{0};

  ByClass(games::PursuitData const& data, std::span<int const> chosen) : samples(chosen.begin(), chosen.end()) {
    auto const label = [&](int i) { return data.labels[static_cast<std::size_t>(i)]; };
    std::stable_sort(samples.begin(), samples.end(), [&](int a, int b) { return label(a) < label(b); });
    for (std::size_t i = 1; i <= samples.size(); ++i)
      if (i == samples.size() || label(samples[i]) != label(samples[i - 1])) offsets.push_back(i);
  }
};

/// The utilities of a sequential game on rows that stand class by class: expansion Delta R(Z), and inconsistency
/// sum_j R([Z_j; Z^_j]) - 1/2 R(Z_j) - 1/2 R(Z^_j). A class of few samples costs little: rates factor their smaller
/// side. Where inconsistency is below 1e-13 it is rounding.
template <class Space, class T>
class ClassUtilities {
 public:
  /// @param offsets  [classes + 1] where each class begins, without those of no samples
  ClassUtilities(Workspace<Space>& work, std::vector<std::size_t> offsets, std::size_t width, double eps_squared)
      : offsets_(std::move(offsets)),
        options_{.eps_squared = eps_squared},
        both_(work.template take<T>(2 * samples(), width)),
        dboth_(work.template take<T>(2 * samples(), width)),
        part_(work.template take<T>(samples(), width)),
        rates_(work.template take<double>(1 + 3 * classes())) {}

  static std::size_t workspace(std::size_t samples, std::size_t width) {
    return coding_rate_gradient_workspace(2 * samples, width);
  }

  /// dz_hat = gradient of the inconsistency.
  void follow(Space const& space, Matrix<T, Space> z, Matrix<T, Space> z_hat, Workspace<Space> work,
              Matrix<T, Space> dz_hat) const {
    for (std::size_t j = 0; j < classes(); ++j) {
      join(space, j, z, z_hat, work);
      copy(space, half(dboth_, j, 1), rows(dz_hat, j));
      add_own(space, j, 2, -0.5, z_hat, work, dz_hat);
    }
  }
  /// Gradients of expansion + inconsistency.
  void lead(Space const& space, Matrix<T, Space> z, Matrix<T, Space> z_hat, Workspace<Space> work, Matrix<T, Space> dz,
            Matrix<T, Space> dz_hat) const {
    follow(space, z, z_hat, work, dz_hat);
    coding_rate_gradient(space, z, options_, work, rate(0), dz);
    for (std::size_t j = 0; j < classes(); ++j) {
      add(space, half(dboth_, j, 0), rows(dz, j));
      add_own(space, j, 1, -0.5 - share(j), z, work, dz);
    }
  }
  /// Expansion and inconsistency. @note fences: once
  std::array<double, 2> values(Space const& space, Matrix<T, Space> z, Matrix<T, Space> z_hat,
                               Workspace<Space> work) const {
    coding_rate(space, z, options_, work, rate(0));
    for (std::size_t j = 0; j < classes(); ++j) {
      join(space, j, z, z_hat, work);
      coding_rate(space, rows(z, j), options_, work, rate(at(j, 1)));
      coding_rate(space, rows(z_hat, j), options_, work, rate(at(j, 2)));
    }
    std::vector<double> found(rates_.size());
    krate::impl::copy_to_host(space, rates_, found, KRATE_LABEL("krate::train::ClassUtilities: the rates"));
    std::array<double, 2> sums{found[0], 0};
    for (std::size_t j = 0; j < classes(); ++j) {
      sums[0] -= share(j) * found[at(j, 1)];
      sums[1] += found[at(j, 0)] - 0.5 * (found[at(j, 1)] + found[at(j, 2)]);
    }
    return sums;
  }

 private:
  std::size_t classes() const { return offsets_.size() - 1; }
  std::size_t samples() const { return offsets_.back(); }
  std::size_t count(std::size_t j) const { return offsets_[j + 1] - offsets_[j]; }
  double share(std::size_t j) const { return static_cast<double>(count(j)) / static_cast<double>(samples()); }
  static std::size_t at(std::size_t j, std::size_t which) { return 1 + 3 * j + which; }
  Value<double, Space> rate(std::size_t i) const { return Value<double, Space>(rates_.data() + i); }

  Matrix<T, Space> block(Matrix<T, Space> const& m, std::size_t begin, std::size_t count) const {
    return Matrix<T, Space>(m.data() + begin * m.extent(1), count, m.extent(1));
  }
  Matrix<T, Space> rows(Matrix<T, Space> const& m, std::size_t j) const { return block(m, offsets_[j], count(j)); }
  /// Of a matrix that has each class twice, behind each other.
  Matrix<T, Space> half(Matrix<T, Space> const& m, std::size_t j, std::size_t side) const {
    return block(m, 2 * offsets_[j] + side * count(j), count(j));
  }

  /// Rate and gradient of both sets of a class together.
  void join(Space const& space, std::size_t j, Matrix<T, Space> z, Matrix<T, Space> z_hat,
            Workspace<Space> work) const {
    copy(space, rows(z, j), half(both_, j, 0));
    copy(space, rows(z_hat, j), half(both_, j, 1));
    coding_rate_gradient(space, block(both_, 2 * offsets_[j], 2 * count(j)), options_, work, rate(at(j, 0)),
                         block(dboth_, 2 * offsets_[j], 2 * count(j)));
  }

  /// dset += factor times the gradient of the rate of a class's rows in one set.
  void add_own(Space const& space, std::size_t j, std::size_t which, double factor, Matrix<T, Space> set,
               Workspace<Space> work, Matrix<T, Space> dset) const {
    coding_rate_gradient(space, rows(set, j), options_, work, rate(at(j, which)), rows(part_, j));
    add_scaled(space, static_cast<T>(factor), rows(part_, j), rows(dset, j));
  }

  std::vector<std::size_t> offsets_;
  RateOptions options_;
  Matrix<T, Space> both_, dboth_, part_;
  Vector<double, Space> rates_;
};

}  // namespace krate::train
