// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/comm/communicator.hpp"
#include "krate/linalg/impl/cholesky_decl.hpp"
#include "krate/rate/impl/class_moments_decl.hpp"

namespace krate {

struct ClosedLoopOptions {
  double eps_squared = 0.5;  ///< squared distortion, positive
  std::size_t classes = 1;   ///< labels are 0 ... classes - 1
};

namespace impl {

/// What closed_loop_rate() takes. The matrices I + scaled moments: of all samples and of what comes back, of the
/// classes of either, and of both together, class by class.
template <class Space>
struct ClosedLoopScratch {
  ClassOrder<Space> order;
  Matrix<double, Space> sorted[2], products;  ///< [samples, dim] by class
  Tensor3<double, Space> moments;             ///< [2 classes, dim, dim], lower triangles; then slopes
  Vector<double, Space> packed;  ///< what ranks sum: lower triangles, the classes' counts, that of stray labels
  Vector<std::int64_t, Space> counts[2];
  Tensor3<double, Space> factors, inverses;  ///< [2 + 3 classes, dim, dim]
  Vector<double, Space> log_dets;
  Tensor3<double, Space> half, square;  ///< [classes, dim, dim]: half the difference of both; scratch
  Vector<double, Space> pairs;          ///< [classes]
  Value<NumericalStatus, Space> status;

  static std::size_t triangle(std::size_t dim) { return dim * (dim + 1) / 2; }
  ClosedLoopScratch(Workspace<Space>& work, std::size_t samples, std::size_t dim, std::size_t classes)
      : order(work, samples, classes),
        sorted{work.template take<double>(samples, dim), work.template take<double>(samples, dim)},
        products(work.template take<double>(samples, dim)),
        moments(work.template take<double>(2 * classes, dim, dim)),
        packed(work.template take<double>(2 * classes * triangle(dim) + classes + 1)),
        counts{work.template take<std::int64_t>(classes + 1), work.template take<std::int64_t>(classes + 1)},
        factors(work.template take<double>(2 + 3 * classes, dim, dim)),
        inverses(work.template take<double>(2 + 3 * classes, dim, dim)),
        log_dets(work.template take<double>(2 + 3 * classes)),
        half(work.template take<double>(classes, dim, dim)),
        square(work.template take<double>(classes, dim, dim)),
        pairs(work.template take<double>(classes)),
        status(work.template take<NumericalStatus>()) {}
};

template <class Space, class T>
struct ClosedLoop {
  static void run(Space const& space, comm::Communicator const& comm, ConstMatrix<T, Space> z,
                  ConstMatrix<T, Space> z_hat, ConstVector<Label, Space> labels, ClosedLoopOptions const& options,
                  Workspace<Space> work, Vector<double, Space> values, Matrix<T, Space> dz, Matrix<T, Space> dz_hat);
};

}  // namespace impl
}  // namespace krate
