// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Constants of the authors' code.
#pragma once

namespace krate::impl {

/// A channel whose energy over the tokens is at most this counts as dead: divided by it, with no gradient through it.
inline constexpr double least_energy = 1e-24;
/// The same where the energy is that of the tokens so far.
inline constexpr double least_causal_energy = 1e-12;
/// Added to a head's count of tokens.
inline constexpr double least_count = 1e-8;

}  // namespace krate::impl
