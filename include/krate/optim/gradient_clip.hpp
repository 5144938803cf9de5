// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/optim/impl/gradient_clip_decl.hpp"

namespace krate::optim {

/// Bytes that gradient_norm takes from its workspace.
inline std::size_t gradient_norm_workspace() {
  using Space = Kokkos::DefaultHostExecutionSpace;
  return measure<Space>([](Workspace<Space>& work) { krate::impl::gradient_norm_scratch(work); });
}

/// Euclidean norm of all gradients of a list together; squares are taken and added up in double precision.
/// @param work  at least gradient_norm_workspace() bytes     @param norm  rank-0 output of double
/// @throws ValueError if the workspace is too small
/// @note allocates: no; fences: no; bitwise repeatable: yes, for any number of threads
template <class Space, class T, class Norm>
void gradient_norm(Space const& space, ParameterList<Space, T> const& list, Workspace<Space> work, Norm const& norm) {
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  krate::impl::GradientClip<Space, T>::norm(space, list, work, as_value<Space>(norm));
}

/// The factor that brings gradients down to a norm: scale = min(1, max_norm / (norm + 1e-6)); 1 if max_norm is 0 (off).
/// Source: Pascanu et al., "On the difficulty of training recurrent neural networks", ICML 2013, algorithm 1, with
/// PyTorch's constant. A norm that is NaN or infinite gives NaN, so that it shows in the parameters.
/// @param norm  rank-0 View of double     @param scale  rank-0 output of the parameters' scalar type
/// @throws ValueError if max_norm is negative or NaN
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class Norm, class Scale>
void clip_scale(Space const& space, Norm const& norm, double max_norm, Scale const& scale) {
  using T = typename Scale::value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  require_value(max_norm >= 0, "krate::optim::clip_scale", "max_norm", max_norm, "must not be negative; 0 is off");
  krate::impl::GradientClip<Space, T>::scale(space, as_value<Space>(norm), max_norm, as_value<Space>(scale));
}

}  // namespace krate::optim
