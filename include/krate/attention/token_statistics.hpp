// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/attention/impl/token_statistics_decl.hpp"
#include "krate/core/require.hpp"

namespace krate {

/// Bytes that token_statistics() needs; `columns` is heads * head_dim.
template <class Space, class T>
std::size_t token_statistics_workspace(std::size_t batch, std::size_t tokens, std::size_t columns,
                                       TssaOptions const& options) {
  return impl::TokenStatisticsKernels<Space, T>::forward_bytes(batch, tokens, columns, options);
}

/// The attention of ToST: tokens weigh the channels of each head by the head's second moments, which they share. With
/// s = w w (elementwise), over tokens n, heads h, channels j of a head:
///     sigma_hj = sum_n s_hnj            l_hn = temperature_h sum_j s_hnj / max(sigma_hj, 1e-24)
///     Pi_hn = softmax of l_hn over h    m_hj = sum_n Pi_hn s_hnj / (sum_n Pi_hn + 1e-8)
///     o_hnj = -w_hnj Pi_hn / (1 + m_hj)
/// Causal: all sums run over the tokens so far, the energies are at least 1e-12, and l_hn = temperature_h
/// sum_j (s_hnj / sigma_hnj + position_bias_hn). Cost is linear in the tokens.
/// Source: Wu et al. 2025 (ToST, arXiv 2412.17810), TSSA, as the authors' vision and language code compute it.
/// @param w              [batch, tokens, heads * head_dim]; columns h head_dim ... belong to head h
/// @param temperature    [heads]
/// @param position_bias  [heads, at least tokens], causal only; [0, 0] for none
/// @param work           token_statistics_workspace<Space, T>(batch, tokens, w.extent(2), options) bytes
/// @param out            [batch, tokens, heads * head_dim], must not overlap w
/// @param saved          written, for the backward pass
/// @throws ShapeError if extents disagree; ValueError if heads is 0 or does not divide w.extent(2), a position bias is
///         given without a causal mask, or the workspace is too small
/// @note allocates: no; fences: no; bitwise repeatable: yes, for any number of threads (on hosts a thread takes whole
///       samples); gradient: token_statistics_backward
template <class Space, class W, class Temperature, class Bias, class Out>
void token_statistics(Space const& space, W const& w, Temperature const& temperature, Bias const& position_bias,
                      TssaOptions const& options, Workspace<Space> work, Out const& out,
                      TokenStatistics<Space, typename Out::value_type> const& saved) {
  using T = typename Out::value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::token_statistics";
  std::size_t const batch = w.extent(0), n = w.extent(1), columns = w.extent(2);
  impl::check_tssa(where, columns, n, options, position_bias.extent(0), position_bias.extent(1));
  require_shape(where, "temperature", temperature, {options.heads}, "one a head");
  require_shape(where, "out", out, {batch, n, columns}, "same shape as w");
  impl::check_token_statistics(where, saved, batch, n, columns, options);
  impl::TokenStatisticsKernels<Space, T>::forward(space, as_tensor3<Space>(w), as_vector<Space>(temperature),
                                                  as_matrix<Space>(position_bias), options, work,
                                                  as_tensor3<Space>(out), saved);
}

/// Bytes that token_statistics_backward() needs.
template <class Space, class T>
std::size_t token_statistics_backward_workspace(std::size_t batch, std::size_t tokens, std::size_t columns,
                                                TssaOptions const& options) {
  return impl::TokenStatisticsKernels<Space, T>::backward_bytes(batch, tokens, columns, options);
}

/// Gradient of token_statistics(). No gradient flows through an energy that is held at its least value.
/// @param w,temperature,position_bias,saved  as the forward call took and left them
/// @param dout          [batch, tokens, heads * head_dim]
/// @param work          token_statistics_backward_workspace<Space, T>(batch, tokens, w.extent(2), options) bytes
/// @param dw            written; must not overlap the inputs
/// @param dtemperature  [heads], added to
/// @param dposition_bias  same shape as position_bias, added to
/// @throws ShapeError, ValueError as token_statistics()
/// @note allocates: no; fences: no; bitwise repeatable: yes, for any number of threads
template <class Space, class W, class Temperature, class Bias, class DOut, class DW, class DTemperature, class DBias>
void token_statistics_backward(Space const& space, W const& w, Temperature const& temperature,
                               Bias const& position_bias, TssaOptions const& options,
                               TokenStatistics<Space, typename DW::value_type> const& saved, DOut const& dout,
                               Workspace<Space> work, DW const& dw, DTemperature const& dtemperature,
                               DBias const& dposition_bias) {
  using T = typename DW::value_type;
  constexpr char const* where = "krate::token_statistics_backward";
  std::size_t const batch = w.extent(0), n = w.extent(1), columns = w.extent(2);
  impl::check_tssa(where, columns, n, options, position_bias.extent(0), position_bias.extent(1));
  require_shape(where, "temperature", temperature, {options.heads}, "one a head");
  require_shape(where, "dout", dout, {batch, n, columns}, "same shape as w");
  require_shape(where, "dw", dw, {batch, n, columns}, "same shape as w");
  require_shape(where, "dtemperature", dtemperature, {options.heads}, "one a head");
  require_shape(where, "dposition_bias", dposition_bias, {position_bias.extent(0), position_bias.extent(1)},
                "same shape as position_bias");
  impl::check_token_statistics(where, saved, batch, n, columns, options);
  impl::TokenStatisticsKernels<Space, T>::backward(space, as_tensor3<Space>(w), as_vector<Space>(temperature),
                                                   as_matrix<Space>(position_bias), options, saved,
                                                   as_tensor3<Space>(dout), work, as_tensor3<Space>(dw),
                                                   as_vector<Space>(dtemperature), as_matrix<Space>(dposition_bias));
}

}  // namespace krate
