// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/require.hpp"
#include "krate/nn/impl/pixel_loss_decl.hpp"

namespace krate {

namespace impl {
template <class Prediction, class Patches, class Removed>
void require_pixel_loss(char const* where, Prediction const& prediction, Patches const& patches, Removed const& removed,
                        PixelLossOptions const& options) {
  std::size_t const batch = removed.extent(0), count = removed.extent(1), values = patches.extent(1);
  require_value(prediction.span_is_contiguous(), where, "prediction", "strided", "must be contiguous; copy it first");
  require_shape(where, "patches", patches, {batch * count, values}, "one for each entry of the mask");
  require_shape(where, "prediction", prediction, {batch, count + 1, values}, "the class token's, and one a patch");
  require_value(!options.normalise || values > 1, where, "patches.extent(1)", values,
                "must be at least 2 to be normalised");
}
}  // namespace impl

/// Bytes that masked_pixel_loss() takes from its workspace.
inline std::size_t masked_pixel_loss_workspace(std::size_t patches) {
  using Space = Kokkos::DefaultHostExecutionSpace;
  return measure<Space>([&](Workspace<Space>& work) { work.template take<double>(patches); });
}

/// Squared error of the removed patches, as a masked autoencoder predicts them:
///     loss = scale * sum over removed patches of |p - t|^2,   t the patch, or (t - mean) / (variance + 1e-6)^1/2
/// with the unbiased variance of its values. What is predicted from the class token is not looked at.
/// Source: He et al. 2022, "Masked autoencoders are scalable vision learners", section 3; details as in their code.
/// @param prediction  [batch, patches + 1, values]     @param patches  [batch * patches, values]
/// @param removed     [batch, patches] of bool         @param work  masked_pixel_loss_workspace(batch * patches) bytes
/// @param loss        rank-0 output of double
/// @throws ShapeError if extents disagree; ValueError if the workspace is too small
/// @note allocates: no; fences: no; bitwise repeatable: yes, for any number of threads
template <class Space, class Prediction, class Patches, class Removed, class Loss>
void masked_pixel_loss(Space const& space, Prediction const& prediction, Patches const& patches, Removed const& removed,
                       PixelLossOptions const& options, Workspace<Space> work, Loss const& loss) {
  using T = typename Patches::non_const_value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  impl::require_pixel_loss("krate::masked_pixel_loss", prediction, patches, removed, options);
  impl::PixelLoss<Space, T>::forward(space, as_tensor3<Space>(prediction), as_matrix<Space>(patches),
                                     as_matrix<Space>(removed), options, work, as_value<Space>(loss));
}

/// Gradients of masked_pixel_loss().
/// @param dprediction  [batch, patches + 1, values], written, zeros too
/// @param dpatches     [batch * patches, values], written; extents 0, 0: not wanted
/// @throws ShapeError if extents disagree
/// @note allocates: no; fences: no; bitwise repeatable: yes, for any number of threads
template <class Space, class Prediction, class Patches, class Removed, class Dprediction, class Dpatches>
void masked_pixel_loss_backward(Space const& space, Prediction const& prediction, Patches const& patches,
                                Removed const& removed, PixelLossOptions const& options, Dprediction const& dprediction,
                                Dpatches const& dpatches) {
  using T = typename Patches::non_const_value_type;
  constexpr char const* where = "krate::masked_pixel_loss_backward";
  impl::require_pixel_loss(where, prediction, patches, removed, options);
  require_shape(where, "dprediction", dprediction, {prediction.extent(0), prediction.extent(1), prediction.extent(2)},
                "same shape as prediction");
  if (dpatches.size() > 0)
    require_shape(where, "dpatches", dpatches, {patches.extent(0), patches.extent(1)}, "same shape as patches");
  impl::PixelLoss<Space, T>::backward(space, as_tensor3<Space>(prediction), as_matrix<Space>(patches),
                                      as_matrix<Space>(removed), options, as_tensor3<Space>(dprediction),
                                      as_matrix<Space>(dpatches));
}

}  // namespace krate
