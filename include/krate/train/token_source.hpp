// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <span>

#include "krate/core/random.hpp"
#include "krate/core/types.hpp"
#include "krate/train/batch_source.hpp"

namespace krate::train {

/// Where models that read tokens get their samples from: rows of ids, and a label for each token. Samples of a part are
/// numbered from 0.
template <class Space>
class TokenSource {
 public:
  virtual ~TokenSource() = default;

  virtual std::size_t tokens() const = 0;   ///< of a sample
  virtual std::size_t classes() const = 0;  ///< ids and labels lie in [0, classes)
  virtual std::size_t size(Part part) const = 0;

  /// Writes the given samples of a part, in that order.
  /// @param random  of the epoch, for sources that draw anew what they give; null in an evaluation, which
  ///                sees the same samples each time
  /// @param ids     [samples, tokens]     @param labels  [samples * tokens]; below 0 where a loss leaves a token out
  /// @return how many labels are not left out
  /// @throws ShapeError if they have other extents
  /// @note May write host-reachable memory at once: no work on `space` may still read the outputs. May fence `space`;
  ///       allocates: no, up to the largest number of samples given before
  virtual std::size_t fill(Space const& space, Part part, std::span<std::size_t const> samples, Random const* random,
                           Matrix<Label, Space> const& ids, Vector<Label, Space> const& labels) = 0;

  /// What fill() will be asked for next, as a rule: a source may begin to make it ready beside other work.
  /// @note allocates: no, up to the largest number of samples given before
  virtual void prefetch(Part, std::span<std::size_t const>, Random const*) {}
};

/// Models that read tokens, as language models do; all others read images.
template <class Model>
concept ReadsTokens = requires(typename Model::Config const& config) {
  config.vocabulary;
};

/// Models that predict patches removed from images; all others that read images classify them.
template <class Model>
concept RemovesPatches = requires(typename Model::Config const& config) {
  config.mask_ratio;
};

namespace impl {
template <class Model, bool tokens>
struct SourceFor {
  using Type = BatchSource<typename Model::ExecutionSpace, typename Model::Scalar>;
};
template <class Model>
struct SourceFor<Model, true> {
  using Type = TokenSource<typename Model::ExecutionSpace>;
};
}  // namespace impl

/// The source of what a model reads.
template <class Model>
using SourceOf = typename impl::SourceFor<Model, ReadsTokens<Model>>::Type;

}  // namespace krate::train
