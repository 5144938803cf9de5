// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <utility>

#include "krate/comm/communicator.hpp"
#include "krate/core/random.hpp"
#include "krate/models/flatnet.hpp"
#include "krate/models/tangent_fit.hpp"

namespace krate::models {

/// Radii are parts of the largest distance between two samples.
struct FlatnetOptions {
  std::size_t iterations = 500;         ///< outer iterations, at most
  std::size_t inner_iterations = 1000;  ///< of one fit, at most
  std::size_t stop_count = 10;          ///< so many candidates in a row that change nothing at a wide radius: end
  double threshold = 1e-5;              ///< local error that a radius is chosen for
  double alpha_max = 0.5;               ///< largest part of the way to the plane
  double dimension_radius = 0.15;       ///< of the search for the dimension
  double error_ratio = 0.3;             ///< largest error there, in that radius
  double smallest_radius = 0.15, largest_radius = 1.1;
  std::size_t dimension = 0;  ///< of all frames; 0: sought anew for each layer, as the authors do
  bool normalise = true;      ///< false: samples are taken as they are, mean 0 and largest norm 1 up to rounding
  Seed seed{};

  /// @throws ValueError naming the field that cannot work and why
  void validate() const;
};

/// What chance decides in one iteration.
struct FlatnetChoice {
  std::size_t centre = 0;  ///< row among those of all ranks
  HostMatrix start{};      ///< [D, d] normal numbers, d of the last layer: the first frame
  HostMatrix extra{};      ///< [rounds, D] normal numbers: columns that are added
};

/// A dimension that was tried.
struct FlatnetRound {
  QuadraticForm form{};
  double error = 0;
};

/// One outer iteration.
struct FlatnetStep {
  std::vector<FlatnetRound> rounds{};
  QuadraticForm middle{}, last{};  ///< fits at the middle radius, and at the one that was chosen
  FlatnetLayer layer{};
  double radius = 0;
  double change = 0;  ///< root mean square over all numbers of all points
  bool accepted = false;
};

/// Builds a FlatNet from samples that are spread over ranks, layer after layer, without back-propagation. Random
/// choices are keyed by (seed, iteration): they depend on neither threads nor ranks.
/// @note bitwise repeatable: yes, and from a restored state, too; another number of ranks changes roundings
template <class Space, class T = double>
class FlatnetBuilder {
 public:
  /// Collective: takes the mean off the samples and divides by their largest norm; finds their largest distance.
  /// @param x  [rows, D] on this rank
  /// @throws ValueError without samples, where all are equal or not finite, or for options out of range
  FlatnetBuilder(Space const& space, comm::Communicator const& comm, ConstMatrix<T, Space> const& x,
                 FlatnetOptions const& options);

  /// Collective: dimension of all samples together, before the first iteration. Quadratic forms with 1, 2, … columns
  /// are fitted to a thousand of them around the one in the middle, from principal directions. The dimension is the
  /// first that leaves at most a fiftieth of the spread and two fifths of what one column less leaves; else that which
  /// lowers the loss by the largest factor. For manifolds that bend less than they extend.
  std::size_t find_dimension(Space const& space);
  /// That dimension for all frames to come; see FlatnetOptions. @throws ValueError beyond the samples' dimension
  void set_dimension(std::size_t dimension);

  bool finished() const { return iteration_ >= options_.iterations || count_ >= options_.stop_count; }
  std::size_t iteration() const { return iteration_; }
  /// Candidates in a row that changed nothing at a wide radius: the largest, as the authors do; of a known dimension
  /// already one that all samples are within.
  std::size_t count() const { return count_; }
  double diameter() const { return diameter_; }
  FlatnetInput const& input() const { return input_; }
  std::vector<FlatnetLayer> const& layers() const { return layers_; }
  /// [rows, D] what the layers made of this rank's samples.
  ConstMatrix<T, Space> points() const { return z_; }
  Flatnet<Space, T> model(Space const& space) const { return Flatnet<Space, T>(space, input_, layers_); }

  /// Collective: the next iteration, by chance.
  FlatnetStep step(Space const& space);
  /// Collective: the next iteration, as it is told. @throws ValueError or ShapeError for a choice that does not fit
  FlatnetStep step(Space const& space, FlatnetChoice const& choice);

  /// Goes on from layers that such a builder made of the same samples.
  void restore(Space const& space, std::span<FlatnetLayer const> layers, std::size_t iteration, std::size_t count);

 private:
  using Points = Kokkos::View<T**, Kokkos::LayoutRight, DeviceOf<Space>>;
  FlatnetChoice draw() const;
  std::vector<double> row(Space const& space, std::size_t i) const;
  HostMatrix find_frame(Space const& space, FlatnetChoice const& choice, std::span<double const> centre,
                        FlatnetStep& step);
  HostMatrix principal_directions(Space const& space) const;
  Points some_points(Space const& space, std::size_t count) const;
  std::pair<double, std::size_t> largest_of(std::vector<double> const& mine) const;
  void fit_at_radius(Space const& space, std::span<double const> centre, HostMatrix const& frame, FlatnetStep& step);
  void normalise(Space const& space, ConstMatrix<T, Space> const& z, std::vector<double>& mean, double& scale) const;
  std::vector<double> squares_from(Space const& space, std::vector<double> const& point) const;
  double largest_distance(Space const& space) const;
  void apply(Space const& space, FlatnetLayer const& layer, Points const& z) const;

  comm::Communicator comm_;
  FlatnetOptions options_;
  FlatnetInput input_{};
  std::vector<FlatnetLayer> layers_{};
  std::size_t iteration_ = 0, count_ = 0, first_ = 0, total_ = 0, dim_;
  double diameter_ = 0;
  Points z_, candidate_;
  Kokkos::View<T*, Kokkos::LayoutRight, DeviceOf<Space>> squares_, ones_;
  TangentFit<Space, T> fit_{};
};

}  // namespace krate::models
