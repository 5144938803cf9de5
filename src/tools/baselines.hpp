// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Classifiers without training, for an honest comparison beside a model's accuracy.
#pragma once

#include <span>
#include <vector>

#include "tools/rows.hpp"

namespace krate::tools {

/// The label that most of the `count` training samples at the least Euclidean distance have, of several such labels the
/// one that came up nearest; samples at the same distance stand in their order.
/// @throws ShapeError if the columns differ; ValueError without training samples, or if count is 0
/// @note allocates: yes; fences: yes
std::vector<Label> nearest_neighbour(Space const& space, Rows const& train, std::span<Label const> labels,
                                     Rows const& test, std::size_t count = 1);

/// The class whose subspace leaves the least residual |x - Q Q^T x|: Q spans the leading `dim` right singular vectors
/// of the class's training samples, whose mean is not removed.
/// @throws ShapeError if the columns differ; ValueError without training samples
/// @note allocates: yes; fences: yes
std::vector<Label> nearest_subspace(Space const& space, Rows const& train, std::span<Label const> labels,
                                    Rows const& test, std::size_t dim);

/// Orthonormal rows that span the leading `dim` right singular vectors of `samples`; fewer where its rank is lower.
Rows leading_subspace(Space const& space, Rows const& samples, std::size_t dim);

/// The most frequent label; of several, the least.
Label majority_label(std::span<Label const> labels);

}  // namespace krate::tools
