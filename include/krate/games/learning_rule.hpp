// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>

namespace krate::games {

/// How one replica learns. At state s with actions a, rewards u and next state s', all players at once do
///     q_i(s, a_i) += alpha (u_i - tau nu_i(s) + discount sum_a pi_i(s', a) q_i(s', a) - q_i(s, a_i))
///     pi_i(s, .)  += beta ((1 - exploration) softmax(q_i(s, .) / tau) + exploration / actions - pi_i(s, .))
/// from the values before, with nu_i(s) = sum_a pi ln pi, alpha = n^-alpha_exponent for the n-th play of a_i at s and
/// beta = n^-beta_exponent for the n-th visit of s. tau = 0 is the best response, ties in equal parts.
/// Source: Maheshwari, Wu, Pai and Sastry, "Independent and decentralized learning in Markov potential games".
struct LearningRule {
  double tau = 1e-6;
  double alpha_exponent = 0.5;  ///< of the values: the fast scale
  double beta_exponent = 1;     ///< of the policies: the slow scale
  double exploration = 0;       ///< in [0, 1]: this part of the response is uniform
  std::uint64_t seed = 1;
};

enum class RandomStream {
  counter,  ///< krate::Random, by (seed, stage, player)
  mersenne  ///< MT19937 begun by init_by_array({seed}), 53 bits a number: NumPy's and Python's, for comparison
};

}  // namespace krate::games
