// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/rate/impl/redunet_layer_decl.hpp"
#include "krate/rate/mcr2_objective.hpp"

namespace krate::impl {

/// What mcr2_loss() takes beside RedunetBuildScratch: the maps of a ReduNet layer are all that its gradient needs.
template <class Space>
struct Mcr2Scratch {
  Matrix<double, Space> rows;       ///< [samples, dim] features; of unit length without a Frobenius term
  Vector<double, Space> lengths;    ///< [samples] that rows were divided by
  Matrix<double, Space> expansion;  ///< [dim, dim]: E
  Tensor3<double, Space> slopes;    ///< [classes, dim, dim]: C_k, then gamma_k C_k - E
  Vector<double, Space> weights;    ///< [classes]: gamma_k
  Vector<double, Space> rates;      ///< [2]: R and R^c
  Value<NumericalStatus, Space> status;
  Matrix<double, Space> products;  ///< [samples, dim] sorted rows times the slopes of their class
  Mcr2Scratch(Workspace<Space>& work, std::size_t samples, std::size_t dim, std::size_t classes)
      : rows(work.template take<double>(samples, dim)),
        lengths(work.template take<double>(samples)),
        expansion(work.template take<double>(dim, dim)),
        slopes(work.template take<double>(classes, dim, dim)),
        weights(work.template take<double>(classes)),
        rates(work.template take<double>(2)),
        status(work.template take<NumericalStatus>()),
        products(work.template take<double>(samples, dim)) {}
};

template <class Space, class T>
struct Mcr2 {
  static void run(Space const& space, comm::Communicator const& comm, ConstStrided<T, Space> features,
                  ConstVector<Label, Space> labels, Mcr2Objective const& objective, std::size_t classes,
                  Workspace<Space> work, Value<double, Space> loss, Strided<T, Space> gradient);
};

}  // namespace krate::impl
