// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <span>
#include <vector>

#include "krate/comm/communicator.hpp"
#include "krate/core/arena.hpp"
#include "krate/linalg/host_matrix.hpp"

namespace krate::models {

/// d (d + 1) / 2: the products c_a c_b, a <= b, in the order (0, 0), (0, 1), ..., (1, 1), ...
inline std::size_t pairs_of(std::size_t d) {
  return d * (d + 1) / 2;
}

/// When a fit ends.
struct TangentFitOptions {
  std::size_t iterations = 1000;  ///< at most so many
  double tolerance = 1e-5;        ///< or when the entries of the frame move by less (root mean square)
  double cutoff = 1e-4;  ///< singular values of the least squares for V below this part of the largest are zero
};

/// z = z_c + U c + V (c c^T), c = U^T (z - z_c), near z_c.
struct QuadraticForm {
  HostMatrix frame{};     ///< U [D, d]
  HostMatrix bend{};      ///< V^T [d (d + 1) / 2, D]
  double loss = 0;        ///< half the weighted mean squared error, of V and the frame before the last step
  HostMatrix gradient{};  ///< of the loss, by that frame at fixed V
  std::size_t iterations = 0;
};

/// Fits frames and quadratic forms to the neighbourhood of a point, rows spread over ranks; what comes out is the same
/// on all of them. Source: Psenka et al. 2024 (FlatNet), second fundamental form by alternating least squares and
/// Riemannian Adam.
/// @note allocates: where a neighbourhood or a dimension is the largest so far; bitwise repeatable: yes
template <class Space, class T = double>
class TangentFit {
 public:
  /// Collective: weights all points by their distance to a centre, kernel exp(-gamma |z - mean|^2) around the mean of
  /// the points so weighted around z_c. Points whose kernel is at most 1e-6 are left out of fits.
  /// @param z  [rows, D] on this rank; read until the next neighbourhood     @param radius  where the kernel is 1/2
  void set_neighbourhood(Space const& space, comm::Communicator const& comm, ConstMatrix<T, Space> const& z,
                         std::span<double const> centre, double radius);

  double gamma() const { return gamma_; }
  std::vector<double> const& mean() const { return mean_; }

  /// Collective: the form, from a frame whose columns span the first guess.
  QuadraticForm fit(Space const& space, comm::Communicator const& comm, HostMatrix const& frame,
                    TangentFitOptions const& options);

  /// How well a form holds for all points.
  struct Error {
    double largest = 0;                     ///< of kernel times distance
    std::vector<double> mean_coordinate{};  ///< [d] mean of |c|
  };
  /// The loss of the centre alone, in place of all points.
  double spread() const;
  /// Collective.
  Error error(Space const& space, comm::Communicator const& comm, QuadraticForm const& form);

 private:
  struct Missed {
    std::vector<double> squares, coordinates;
  };
  Missed missed(Space const& space, HostMatrix const& frame, HostMatrix const& bend, std::size_t count);
  template <class Cut>
  void cut(Space const& space, Cut const& take);

  double gamma_ = 0;
  std::vector<double> mean_{};
  std::size_t rows_ = 0, active_ = 0, dim_ = 0;
  double total_ = 0, total_active_ = 0;  ///< over ranks
  Arena<Space> points_{}, arena_{};
  Matrix<T, Space> offsets_{};             ///< [padded rows, padded D] z - z_c, active points first
  Matrix<T, Space> columns_{};             ///< the same in blocks (on hosts)
  Vector<T, Space> kernel_{}, squares_{};  ///< of the rows; squares: 0 for those that are not active
  HostMatrix moments_{};                   ///< [D, padded D] sum of (k y) (k y)^T, of all ranks
};

}  // namespace krate::models
