// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/comm/communicator.hpp"
#include "krate/linalg/impl/cholesky_decl.hpp"
#include "krate/rate/impl/class_coding_rate_decl.hpp"

namespace krate {

struct RedunetStep {
  double eta = 0.5;       ///< step size, positive
  double lambda_s = 500;  ///< sharpness of the soft assignment to classes
};

namespace impl {

/// What redunet_layer_build() takes. `packed` is what ranks sum: lower triangles of the class moments, the classes'
/// counts, the count of labels out of range.
template <class Space>
struct RedunetBuildScratch {
  ClassOrder<Space> order;
  Matrix<double, Space> sorted;  ///< [samples, dim] in that order
  Vector<double, Space> packed;
  Tensor3<double, Space> factors;   ///< [1 + classes, dim, dim]: I + alpha Z^T Z, then I + alpha_k Z_k^T Z_k
  Tensor3<double, Space> inverses;  ///< the same shape
  Vector<double, Space> log_dets;   ///< [1 + classes]
  RedunetBuildScratch(Workspace<Space>& work, std::size_t samples, std::size_t dim, std::size_t classes)
      : order(work, samples, classes),
        sorted(work.template take<double>(samples, dim)),
        packed(work.template take<double>(classes * (dim * (dim + 1) / 2 + 1) + 1)),
        factors(work.template take<double>(classes + 1, dim, dim)),
        inverses(work.template take<double>(classes + 1, dim, dim)),
        log_dets(work.template take<double>(classes + 1)) {}
};

/// What redunet_layer_forward() takes, whatever the number of samples.
template <class Space, class T>
struct RedunetForwardScratch {
  static constexpr std::size_t chunk = 512;
  Matrix<T, Space> expanded;    ///< [chunk, dim]: z E
  Matrix<T, Space> compressed;  ///< [chunk, classes * dim]: all z C_k
  RedunetForwardScratch(Workspace<Space>& work, std::size_t samples, std::size_t dim, std::size_t classes)
      : expanded(work.template take<T>(std::min(samples, chunk), dim)),
        compressed(work.template take<T>(std::min(samples, chunk), classes * dim)) {}
};

template <class Space, class T>
struct RedunetLayer {
  static void build(Space const& space, comm::Communicator const& comm, ConstStrided<T, Space> z,
                    ConstVector<Label, Space> labels, ClassRateOptions const& options, Workspace<Space> work,
                    Matrix<T, Space> expansion, Tensor3<T, Space> compression, Vector<T, Space> weights,
                    Vector<double, Space> rates, Value<NumericalStatus, Space> status);
  static void forward(Space const& space, ConstMatrix<T, Space> z, ConstMatrix<T, Space> expansion,
                      ConstTensor3<T, Space> compression, ConstVector<T, Space> weights, RedunetStep const& step,
                      Workspace<Space> work, Matrix<T, Space> z_next, Matrix<T, Space> logits);
  static void normalize(Space const& space, ConstMatrix<T, Space> x, Matrix<T, Space> z);
};

}  // namespace impl
}  // namespace krate
