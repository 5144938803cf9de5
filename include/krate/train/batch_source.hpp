// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <span>

#include "krate/core/types.hpp"

namespace krate::train {

/// The part of a dataset that a sample is counted in.
enum class Part { train, test };

/// Where training and evaluation get labelled images from: a dataset in host memory (DatasetSource), or the user's own
/// Views on the device (ViewSource). Samples of a part are numbered from 0.
template <class Space, class T>
class BatchSource {
 public:
  virtual ~BatchSource() = default;

  virtual std::size_t channels() const = 0;
  virtual std::size_t height() const = 0;
  virtual std::size_t width() const = 0;
  virtual std::size_t classes() const = 0;
  virtual std::size_t size(Part part) const = 0;
  /// What a pixel without ink is after normalisation; shifted images are filled up with it.
  virtual T background(std::size_t channel) const = 0;

  /// Writes the given samples of a part, in that order.
  /// @param images  [samples, channels, height, width]     @param labels  [samples]
  /// @throws ShapeError if they have other extents
  /// @note May write host-reachable memory at once: no work on `space` may still read the outputs. May fence `space`;
  ///       allocates: no, up to the largest number of samples given before
  virtual void fill(Space const& space, Part part, std::span<std::size_t const> samples,
                    Tensor4<T, Space> const& images, Vector<Label, Space> const& labels) = 0;

  /// What fill() will be asked for next, as a rule: a source may begin to load it beside other work.
  /// @note allocates: no, up to the largest number of samples given before
  virtual void prefetch(Part, std::span<std::size_t const>) {}
};

}  // namespace krate::train
