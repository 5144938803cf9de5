// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <vector>

#include "krate/sparse/conv_dictionary.hpp"

namespace krate {

struct ConvCodeOptions {
  /// fista_as_coded: the residual is taken at the last code instead of the extrapolated one, as the authors' code does;
  /// the first two steps of all three are the same.
  enum class Method { ista, fista, fista_as_coded };

  Method method = Method::fista;
  std::size_t steps = 2;
  double step = 0.1;  ///< size of a step: at most 1 / |D|^2
  double lambda = 0;  ///< weight of |c|_1
  double mu = 0;      ///< weight of |c|^2 / 2
  bool nonnegative = false;
};

/// What conv_code() leaves for its backward pass.
template <class Space, class T>
struct ConvCodeSaved {
  std::vector<Matrix<T, Space>> codes;      ///< after each step: [shape.codes(), atoms]; the last is the result
  std::vector<Matrix<T, Space>> residuals;  ///< that steps 2, 3, ... started from: [shape.pixels(), channels]

  Matrix<T, Space> const& code() const { return codes.back(); }
  /// @note allocates: the two lists
  static ConvCodeSaved cut(Workspace<Space>& work, ConvShape const& shape, std::size_t steps) {
    ConvCodeSaved saved;
    for (std::size_t t = 0; t < steps; ++t) {
      saved.codes.push_back(work.template take<T>(shape.codes(), shape.atoms));
      if (t > 0) saved.residuals.push_back(work.template take<T>(shape.pixels(), shape.channels));
    }
    return saved;
  }
};

namespace impl {

template <class Space, class T>
struct ConvCode {
  static std::size_t forward_bytes(ConvShape const& shape);
  static std::size_t backward_bytes(ConvShape const& shape);
  static void forward(Space const& space, ConvShape const& shape, ConstMatrix<T, Space> x, ConstMatrix<T, Space> dict,
                      ConvCodeOptions const& options, Workspace<Space> work, ConvCodeSaved<Space, T> const& saved);
  static void backward(Space const& space, ConvShape const& shape, ConstMatrix<T, Space> x, ConstMatrix<T, Space> dict,
                       ConvCodeOptions const& options, ConvCodeSaved<Space, T> const& saved,
                       ConstMatrix<T, Space> dcode, Workspace<Space> work, Matrix<T, Space> dx, Matrix<T, Space> ddict);
};

}  // namespace impl
}  // namespace krate
