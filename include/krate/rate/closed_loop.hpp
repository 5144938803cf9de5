// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/require.hpp"
#include "krate/rate/impl/closed_loop_decl.hpp"
#include "krate/rate/rate_options.hpp"

namespace krate {

/// Bytes that closed_loop_rate() needs for features [samples, dim] on this rank.
template <class Space>
std::size_t closed_loop_workspace(std::size_t samples, std::size_t dim, std::size_t classes) {
  return measure<Space>([&](auto& work) { impl::ClosedLoopScratch<Space>(work, samples, dim, classes); });
}

/// The value of the game of closed-loop transcription, and its gradients. With Z the features of samples, Z^ those of
/// the samples that were made from Z, row by row of the same class, over all ranks,
///     T = Delta R(Z) + Delta R(Z^) + sum_k Delta R(Z_k, Z^_k)
/// where Delta R(Z) = R(Z) - R^c(Z) and Delta R(A, B) is rate_distance(). With one class the first two are 0, and T is
/// the binary game's. An encoder makes T large, a decoder small. The distances keep relative accuracy however close
/// the sets are: with M = (A + B) / 2 = L L^T, A = I + scaled A^T A and B alike, and C = L^-1 (B - A) / 2 L^-T,
///     Delta R(A, B) = -1/4 log det(I - C C^T),    d/dA = -beta / (2 m) A M^-1 (B - A) / 2 A^-1,   d/dB alike with +
/// All ranks' moments and counts are summed in one all-reduce, in the order of the ranks; all of it is double whatever
/// the scalar of the features. A class without samples contributes nothing.
/// Source: Dai et al. 2022 (CTRL), eqs. 17 and 20, with their weights 1.
/// @param z,z_hat    [samples, dim] on this rank, may be none     @param labels  [samples] of Label
/// @param work       at least closed_loop_workspace<Space>(samples, dim, classes) bytes
/// @param values     [3] of double: the three terms of T, the same bits on every rank; NaN if a feature was NaN or a
///                   label out of range on any rank
/// @param dz,dz_hat  [samples, dim], written: the gradients of T with respect to this rank's features
/// @throws ShapeError if extents disagree; ValueError for options that cannot work, or a small workspace; MpiError
/// @note collective; allocates and fences: with several ranks, for the sum; bitwise repeatable: yes
template <class Space, class Z, class ZHat, class Labels, class Values, class DZ, class DZHat>
void closed_loop_rate(Space const& space, comm::Communicator const& comm, Z const& z, ZHat const& z_hat,
                      Labels const& labels, ClosedLoopOptions const& options, Workspace<Space> work,
                      Values const& values, DZ const& dz, DZHat const& dz_hat) {
  using T = typename DZ::value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::closed_loop_rate";
  std::size_t const samples = z.extent(0), dim = z.extent(1);
  impl::require_eps_squared(where, options.eps_squared);
  require_value(options.classes > 0, where, "classes", options.classes, "must be positive");
  require_value(dim > 0, where, "z.extent(1)", dim, "must be positive");
  require_shape(where, "z_hat", z_hat, {samples, dim}, "same shape as z");
  require_shape(where, "labels", labels, {samples}, "one a row of z");
  require_shape(where, "values", values, {3}, "two rate reductions, and the distances");
  require_shape(where, "dz", dz, {samples, dim}, "same shape as z");
  require_shape(where, "dz_hat", dz_hat, {samples, dim}, "same shape as z");
  impl::ClosedLoop<Space, T>::run(space, comm, as_matrix<Space>(z), as_matrix<Space>(z_hat), as_vector<Space>(labels),
                                  options, work, as_vector<Space>(values), as_matrix<Space>(dz),
                                  as_matrix<Space>(dz_hat));
}

}  // namespace krate
