// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/require.hpp"
#include "krate/nn/impl/token_mask_decl.hpp"

namespace krate {

/// How many of so many patches stay: the integer part of patches (1 - ratio), in double.
inline std::size_t kept_patches(std::size_t patches, double ratio) {
  return static_cast<std::size_t>(static_cast<double>(patches) * (1 - ratio));
}

/// Removes patches: in each sample those of the least noise stay; of equal noise, the first.
/// Source: He et al. 2022, "Masked autoencoders are scalable vision learners", as the code of CRATE-MAE has it.
/// @param noise    [batch, patches]     @param keep  how many patches of a sample stay
/// @param removed  [batch, patches] of bool, written
/// @throws ShapeError if extents disagree; ValueError if keep exceeds the patches
/// @note allocates: no; fences: no; bitwise repeatable: yes
template <class Space, class Noise, class Removed>
void mask_of_noise(Space const& space, Noise const& noise, std::size_t keep, Removed const& removed) {
  using T = typename Noise::non_const_value_type;
  constexpr char const* where = "krate::mask_of_noise";
  require_shape(where, "removed", removed, {noise.extent(0), noise.extent(1)}, "same shape as noise");
  require_value(keep <= noise.extent(1), where, "keep", keep, "must not exceed the patches of a sample");
  impl::TokenMask<Space, T>::of_noise(space, as_matrix<Space>(noise), keep, as_matrix<Space>(removed));
}

/// Noise in [0, 1) that depends on `random` and a sample's number only: neither on ranks nor on the batch it is in.
/// @param numbers  [batch] of std::size_t     @param noise  [batch, patches], written
/// @throws ShapeError if extents disagree
/// @note allocates: no; fences: no; bitwise repeatable: yes, for any number of threads
template <class Space, class Numbers, class Noise>
void draw_noise(Space const& space, Random random, Numbers const& numbers, Noise const& noise) {
  using T = typename Noise::non_const_value_type;
  require_shape("krate::draw_noise", "numbers", numbers, {noise.extent(0)}, "one a sample");
  impl::TokenMask<Space, T>::draw(space, random, as_vector<Space>(numbers), as_matrix<Space>(noise));
}

}  // namespace krate
