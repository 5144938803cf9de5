// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Samples of classes that lie on subspaces.
#pragma once

#include <cstdint>
#include <vector>

#include "krate/games/pursuit.hpp"

namespace krate::tools {

namespace cli {
class App;
}

class Context;
void add_data_subspaces(cli::App& data, Context& context);

/// Classes choose from the columns of one random orthogonal matrix, as many as the largest has dimensions, so that they
/// share most of them; `difference` of each is random instead. Orthogonal classes get columns of their own.
/// Source: Pai et al. 2022, experiments.
struct SubspaceOptions {
  std::size_t dim = 50;
  std::vector<std::size_t> dimensions{3, 4, 5};  ///< of the subspaces
  std::vector<std::size_t> samples{500};         ///< of each class, in each split; one number is for all classes
  double noise = 0;                              ///< mean square norm of what is added to a sample
  double difference = 0.1;
  bool orthogonal = false;
  std::uint64_t seed = 1337;
};

/// @throws ValueError for what is out of range
void require_valid(SubspaceOptions const& options, char const* where);

/// Samples in the order of their classes; splits are independent samples of the same subspaces.
games::PursuitData subspace_samples(SubspaceOptions const& options, std::uint32_t split);

}  // namespace krate::tools
