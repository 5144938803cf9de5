// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/require.hpp"
#include "krate/nn/impl/cross_entropy_decl.hpp"

namespace krate {

struct CrossEntropyOptions {
  double label_smoothing = 0;    ///< weight of the uniform distribution in the target, in [0, 1]
  double scale = 1;              ///< multiplies the sum over rows; 1 / global batch gives a mean that ranks can add up
  bool ignore_negative = false;  ///< rows whose label is below 0 have no part in loss, gradient and correct rows
};

namespace impl {
template <class Logits, class Labels>
void require_cross_entropy(char const* where, Logits const& logits, Labels const& labels,
                           CrossEntropyOptions const& options) {
  require_shape(where, "labels", labels, {logits.extent(0)}, "one a row of logits");
  require_value(logits.extent(1) > 0, where, "logits.extent(1)", logits.extent(1), "must be positive: the classes");
  require_value(options.label_smoothing >= 0 && options.label_smoothing <= 1, where, "label_smoothing",
                options.label_smoothing, "must lie in [0, 1]");
}
}  // namespace impl

/// Bytes that cross_entropy takes from its workspace.
inline std::size_t cross_entropy_workspace(std::size_t rows) {
  using Space = Kokkos::DefaultHostExecutionSpace;
  return measure<Space>([&](Workspace<Space>& work) { impl::CrossEntropyScratch<Space>(work, rows); });
}

/// Cross-entropy with label smoothing s of rows of logits z, and the number of rows that are classified correctly:
///     loss = scale * sum over rows of - sum_c q_c log softmax(z)_c,   q_c = (1 - s) [c = label] + s / classes
/// Source: Szegedy et al., "Rethinking the Inception architecture for computer vision", CVPR 2016, section 7.
/// Logarithms are taken relative to the largest logit, and rows are added up in double precision. A row counts as
/// correct if its first maximum is the label. A label outside [0, classes) or a NaN logit makes the loss NaN, but for
/// the rows that are ignored.
/// @param logits  [rows, classes]     @param labels  [rows] of Label
/// @param work  at least cross_entropy_workspace(rows) bytes
/// @param loss,correct  rank-0 outputs, of double and std::int64_t; without rows both are 0
/// @throws ShapeError if extents disagree; ValueError if an option is out of range or the workspace is too small
/// @note allocates: no; fences: no; bitwise repeatable: yes, for any number of threads
template <class Space, class Logits, class Labels, class Loss, class Correct>
void cross_entropy(Space const& space, Logits const& logits, Labels const& labels, CrossEntropyOptions const& options,
                   Workspace<Space> work, Loss const& loss, Correct const& correct) {
  using T = typename Logits::non_const_value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  impl::require_cross_entropy("krate::cross_entropy", logits, labels, options);
  impl::CrossEntropy<Space, T>::forward(space, as_matrix<Space>(logits), as_vector<Space>(labels), options, work,
                                        as_value<Space>(loss), as_value<Space>(correct));
}

/// Gradient of cross_entropy: dlogits = scale * (softmax(logits) - q). A label outside [0, classes) gives a row of NaN,
/// an ignored row zeros.
/// @param dlogits  [rows, classes], written; may be the View logits
/// @throws ShapeError if extents disagree; ValueError if an option is out of range
/// @note allocates: no; fences: no; bitwise repeatable: yes, for any number of threads
template <class Space, class Logits, class Labels, class Dlogits>
void cross_entropy_backward(Space const& space, Logits const& logits, Labels const& labels,
                            CrossEntropyOptions const& options, Dlogits const& dlogits) {
  using T = typename Dlogits::value_type;
  static_assert(is_instantiated<Space, T>,
                "krate was built without this space or scalar: see KRATE_EXEC_SPACES and KRATE_SCALARS");
  constexpr char const* where = "krate::cross_entropy_backward";
  impl::require_cross_entropy(where, logits, labels, options);
  require_shape(where, "dlogits", dlogits, {logits.extent(0), logits.extent(1)}, "same shape as logits");
  impl::CrossEntropy<Space, T>::backward(space, as_matrix<Space>(logits), as_vector<Space>(labels), options,
                                         as_matrix<Space>(dlogits));
}

}  // namespace krate
