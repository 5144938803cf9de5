// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/rate/impl/mcr2_decl.hpp"

namespace krate {

/// Bytes that mcr2_loss() needs for features [samples, dim] on this rank.
template <class Space>
std::size_t mcr2_workspace(std::size_t samples, std::size_t dim, std::size_t classes) {
  return measure<Space>([&](auto& work) {
    impl::Mcr2Scratch<Space>(work, samples, dim, classes);
    impl::RedunetBuildScratch<Space>(work, samples, dim, classes);
  });
}

/// What training by maximal coding rate reduction makes small, and its gradient. With Z the rows of all ranks, m of
/// them, and Z_k the m_k of class k:
///     loss = -(R(Z) - R^c(Z)) + frobenius / 2 |Z|_F^2
///     dloss/dZ_k = alpha ((I + alpha_k Z_k^T Z_k)^{-1} - (I + alpha Z^T Z)^{-1}) Z_k + frobenius Z_k
///     alpha = dim / (m eps_squared),  alpha_k = dim / (m_k eps_squared)
/// Source: Yu et al. 2020 (MCR2), on features of unit length: with frobenius = 0 rows are divided by their length, at
/// least 1e-12, and the gradient goes through that; Wang et al. 2024, the regularised problem, on features as they are.
/// The rate is that of all samples, not the mean of the ranks' own: class moments and counts are summed in one
/// all-reduce, in the order of the ranks. All of it is double whatever the scalar of the features. A class without
/// samples contributes nothing.
/// @param features  [samples, dim] on this rank, may be none; any layout
/// @param labels    [samples] of Label, each in [0, classes)
/// @param work      at least mcr2_workspace<Space>(samples, dim, classes) bytes
/// @param loss      rank-0 View of double: of all ranks' samples, the same bits on every rank; NaN if a feature was
///                  NaN or a label out of range on any rank
/// @param gradient  [samples, dim] of the features' scalar, any layout, written: that of the global loss with respect
///                  to this rank's features
/// @throws ShapeError if extents disagree; ValueError for an objective that cannot work or a small workspace; MpiError
/// @note collective; allocates and fences: with several ranks, for the sum; bitwise repeatable: yes, for any number of
///       threads
template <class Space, class Features, class Labels, class Loss, class Gradient>
void mcr2_loss(Space const& space, comm::Communicator const& comm, Features const& features, Labels const& labels,
               Mcr2Objective const& objective, std::size_t classes, Workspace<Space> work, Loss const& loss,
               Gradient const& gradient) {
  using T = typename Features::non_const_value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  static_assert(std::is_same_v<typename Labels::non_const_value_type, Label>, "labels are krate::Label");
  constexpr char const* where = "krate::mcr2_loss";
  objective.validate(where);
  require_value(classes > 0, where, "classes", classes, "must be positive");
  require_value(features.extent(1) > 0, where, "features.extent(1)", 0, "must be positive");
  require_shape(where, "labels", labels, {features.extent(0)}, "one a row of features");
  require_shape(where, "gradient", gradient, {features.extent(0), features.extent(1)}, "same shape as features");
  impl::Mcr2<Space, T>::run(space, comm, as_strided<Space>(features), as_vector<Space>(labels), objective, classes,
                            work, as_value<Space>(loss), as_strided<Space>(gradient));
}

}  // namespace krate
