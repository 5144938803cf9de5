// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/workspace.hpp"

namespace krate {

/// A convolution: images of `channels` and their codes of `atoms` channels. Images and codes are rows of channels,
/// pixel by pixel: [batch * height * width, channels] and [batch * code_height() * code_width(), atoms].
struct ConvShape {
  std::size_t batch = 0, channels = 0, height = 0, width = 0;
  std::size_t atoms = 0, kernel = 0, stride = 1, padding = 0;

  std::size_t code_height() const { return (height + 2 * padding - kernel) / stride + 1; }
  std::size_t code_width() const { return (width + 2 * padding - kernel) / stride + 1; }
  std::size_t pixels() const { return batch * height * width; }
  std::size_t codes() const { return batch * code_height() * code_width(); }
  std::size_t patch() const { return channels * kernel * kernel; }
  /// One patch that is the whole image: a matrix product of the images as they lie in memory.
  bool is_whole() const { return padding == 0 && kernel == height && kernel == width; }
};

namespace impl {

template <class Space, class T>
struct ConvDictionary {
  static std::size_t bytes(ConvShape const& shape);
  static void analyze(Space const& space, ConvShape const& shape, T alpha, ConstMatrix<T, Space> x,
                      ConstMatrix<T, Space> dict, T beta, Matrix<T, Space> code, Workspace<Space> work);
  static void synthesize(Space const& space, ConvShape const& shape, T alpha, ConstMatrix<T, Space> code,
                         ConstMatrix<T, Space> dict, T beta, Matrix<T, Space> x, Workspace<Space> work);
  static void gradient(Space const& space, ConvShape const& shape, T alpha, ConstMatrix<T, Space> x,
                       ConstMatrix<T, Space> code, Matrix<T, Space> ddict, Workspace<Space> work);
  static void normalize(Space const& space, Matrix<T, Space> dict);
};

}  // namespace impl
}  // namespace krate
