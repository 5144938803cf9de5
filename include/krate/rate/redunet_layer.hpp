// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/require.hpp"
#include "krate/rate/impl/redunet_layer_decl.hpp"

namespace krate {

/// Bytes that redunet_layer_build() needs for z [samples, dim].
template <class Space>
std::size_t redunet_layer_build_workspace(std::size_t samples, std::size_t dim, std::size_t classes) {
  return measure<Space>([&](auto& work) { impl::RedunetBuildScratch<Space>(work, samples, dim, classes); });
}

/// The layer of a ReduNet at features z: the maps of one gradient step on the rate reduction. With Z the samples of all
/// ranks and Z_k the m_k of class k, m = sum_k m_k,
///     E = alpha (I + alpha Z^T Z)^{-1},  C_k = alpha_k (I + alpha_k Z_k^T Z_k)^{-1},  gamma_k = m_k / m,
///     alpha = dim / (m eps_squared),  alpha_k = dim / (m_k eps_squared)
/// Source: Chan et al. 2021 (ReduNet). A class without samples has C_k = 0 and gamma_k = 0. Moments and inverses are
/// double whatever the scalar of z. Collective: the class moments of all ranks are summed in one all-reduce, in the
/// order of the ranks; every rank gets the same bits.
/// @param z            [samples, dim] on this rank, may be none; any layout
/// @param labels       [samples] of Label
/// @param work         at least redunet_layer_build_workspace<Space>(samples, dim, options.classes) bytes
/// @param expansion    [dim, dim], E, symmetric to the bit     @param compression  [classes, dim, dim], C_k, likewise
/// @param weights      [classes], gamma_k
/// @param rates        [2] of double: R(Z) and R^c(Z), whose difference is the rate reduction
/// @param status       rank-0 View of NumericalStatus; failed if a feature was NaN or a label out of range on any rank:
///                     then weights, rates and the maps that it enters are NaN; see check()
/// @throws ShapeError if extents disagree; ValueError if dim, eps_squared or classes is not positive or the workspace
///         is too small; MpiError
/// @note allocates: with several ranks, for the sum; fences: with several ranks, once; bitwise repeatable: yes, for any
///       number of threads
template <class Space, class Z, class Labels, class Expansion, class Compression, class Weights, class Rates,
          class Status>
void redunet_layer_build(Space const& space, comm::Communicator const& comm, Z const& z, Labels const& labels,
                         ClassRateOptions const& options, Workspace<Space> work, Expansion const& expansion,
                         Compression const& compression, Weights const& weights, Rates const& rates,
                         Status const& status) {
  using T = typename Z::non_const_value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  static_assert(std::is_same_v<typename Labels::non_const_value_type, Label>, "labels are krate::Label");
  constexpr char const* where = "krate::redunet_layer_build";
  std::size_t const dim = z.extent(1), classes = options.classes;
  impl::require_eps_squared(where, options.eps_squared);
  require_value(classes > 0, where, "classes", classes, "must be positive");
  require_value(dim > 0, where, "z.extent(1)", dim, "must be positive");
  require_shape(where, "labels", labels, {z.extent(0)}, "one a row of z");
  require_shape(where, "expansion", expansion, {dim, dim}, "dim is z.extent(1)");
  require_shape(where, "compression", compression, {classes, dim, dim}, "a matrix a class");
  require_shape(where, "weights", weights, {classes}, "one number a class");
  require_shape(where, "rates", rates, {2}, "the rate of all samples and that of the classes");
  impl::RedunetLayer<Space, T>::build(space, comm, as_strided<Space>(z), as_vector<Space>(labels), options, work,
                                      as_matrix<Space>(expansion), as_tensor3<Space>(compression),
                                      as_vector<Space>(weights), as_vector<Space>(rates), as_value<Space>(status));
}

/// Bytes that redunet_layer_forward() needs.
template <class Space, class T>
std::size_t redunet_layer_forward_workspace(std::size_t samples, std::size_t dim, std::size_t classes) {
  return measure<Space>([&](auto& work) { impl::RedunetForwardScratch<Space, T>(work, samples, dim, classes); });
}

/// One layer of a ReduNet. For each row z, without its label:
///     p_k = z C_k,   pi = softmax_k(-lambda_s max(|p_k|, 1e-8)),
///     z_next = normalize(z + eta (z E - sum_k gamma_k pi_k p_k))
/// Source: Chan et al. 2021 (ReduNet), with the authors' clamp. Classes of weight 0 are left out of the softmax.
/// @param z            [samples, dim], rows of unit length
/// @param expansion, compression, weights  as redunet_layer_build() made them
/// @param work         at least redunet_layer_forward_workspace<Space, T>(samples, dim, classes) bytes
/// @param z_next       [samples, dim], rows of unit length (a row of zeros stays one); may be z itself
/// @param logits       [samples, classes]: what the softmax is of; the lowest finite number for classes of weight 0
/// @throws ShapeError if extents disagree; ValueError if eta or lambda_s is not positive and finite or the workspace is
///         too small
/// @note allocates: no; fences: no; bitwise repeatable: yes, for any number of threads
template <class Space, class Z, class Expansion, class Compression, class Weights, class Next, class Logits>
void redunet_layer_forward(Space const& space, Z const& z, Expansion const& expansion, Compression const& compression,
                           Weights const& weights, RedunetStep const& step, Workspace<Space> work, Next const& z_next,
                           Logits const& logits) {
  using T = typename Z::non_const_value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::redunet_layer_forward";
  std::size_t const samples = z.extent(0), dim = z.extent(1), classes = weights.extent(0);
  require_value(step.eta > 0 && std::isfinite(step.eta), where, "eta", step.eta,
                "must be positive and finite; ReduNet uses 0.5");
  require_value(step.lambda_s > 0 && std::isfinite(step.lambda_s), where, "lambda_s", step.lambda_s,
                "must be positive and finite; ReduNet uses 500");
  require_shape(where, "expansion", expansion, {dim, dim}, "dim is z.extent(1)");
  require_shape(where, "compression", compression, {classes, dim, dim}, "a matrix for each of the weights");
  require_shape(where, "z_next", z_next, {samples, dim}, "same shape as z");
  require_shape(where, "logits", logits, {samples, classes}, "one a sample and class");
  impl::RedunetLayer<Space, T>::forward(space, as_matrix<Space>(z), as_matrix<Space>(expansion),
                                        as_tensor3<Space>(compression), as_vector<Space>(weights), step, work,
                                        as_matrix<Space>(z_next), as_matrix<Space>(logits));
}

/// z = x with rows of unit length: what the first layer takes. Rows shorter than 1e-12 are divided by that.
/// @param x  [samples, dim]     @param z  the same shape; may be x itself
/// @throws ShapeError if extents disagree     @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class X, class Z>
void normalize_rows(Space const& space, X const& x, Z const& z) {
  using T = typename Z::non_const_value_type;
  require_shape("krate::normalize_rows", "z", z, {x.extent(0), x.extent(1)}, "same shape as x");
  impl::RedunetLayer<Space, T>::normalize(space, as_matrix<Space>(x), as_matrix<Space>(z));
}

}  // namespace krate
