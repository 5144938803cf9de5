// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/analysis/impl/nearest_subspace_decl.hpp"
#include "krate/rate/class_moments.hpp"

namespace krate::analysis {

/// Orthonormal rows that span the leading `rank` eigenvectors of a symmetric matrix without negative eigenvalues; fewer
/// where its rank is lower. Subspace iteration in double on the host.
/// @param lower  rows of the lower triangle, dim (dim + 1) / 2 numbers     @return  rows of dim numbers
std::vector<double> leading_eigenvectors(std::span<double const> lower, std::size_t dim, std::size_t rank);

/// The classifier that MCR2 is evaluated by: each class is the span of the leading directions of its samples, whose
/// mean is not removed, and the nearest span wins. Source: Yu et al. 2020, nearest subspace.
template <class Space>
class ClassSubspaces {
 public:
  /// Collective: from moments of samples of all ranks. @param rank  directions of a class
  /// @throws ValueError if rank is 0 or larger than dim     @note allocates: yes; fences: yes
  ClassSubspaces(Space const& space, ClassMoments<Space>& moments, std::size_t rank)
      : bases_(Kokkos::view_alloc(space, "krate::analysis::bases"), moments.classes(), rank, moments.dim()) {
    constexpr char const* where = "krate::analysis::ClassSubspaces";
    require_value(rank > 0 && rank <= moments.dim(), where, "rank", rank, "must be between 1 and the moments' dim");
    std::size_t const size = rank * moments.dim();
    std::vector<double> host(moments.classes() * size, 0.0);  // directions that a class does not have stay zero
    moments.for_each_moment(space, [&](std::size_t k, std::span<double const> lower) {
      auto const basis = leading_eigenvectors(lower, moments.dim(), rank);
      std::copy(basis.begin(), basis.end(), host.begin() + static_cast<std::ptrdiff_t>(k * size));
    });
    krate::impl::copy_to_device(space, host, Vector<double, Space>(bases_.data(), bases_.size()));
    space.fence(KRATE_LABEL("krate::analysis::ClassSubspaces: bases are copied"));
  }

  std::size_t classes() const { return bases_.extent(0); }
  std::size_t rank() const { return bases_.extent(1); }
  std::size_t dim() const { return bases_.extent(2); }

  /// For each row the class with the least residual |z - Q Q^T z|; of several, the first. Rows orthogonal to all
  /// classes, and rows of zeros, get the first class.
  /// @param z  [samples, dim]     @param found  [samples] of Label
  /// @throws ShapeError if extents disagree
  /// @note allocates: no; fences: no; bitwise repeatable: yes, for any number of threads
  template <class Z, class Found>
  void classify(Space const& space, Z const& z, Found const& found) const {
    using T = typename Z::non_const_value_type;
    static_assert(is_instantiated<Space, T>, "krate was built without this space or scalar: see KRATE_SCALARS");
    constexpr char const* where = "krate::analysis::ClassSubspaces::classify";
    require_shape(where, "z", z, {z.extent(0), dim()}, "dim is that of the moments");
    require_shape(where, "found", found, {z.extent(0)}, "one a row of z");
    krate::impl::NearestSubspace<Space, T>::run(space, as_matrix<Space>(z), ConstTensor3<double, Space>(bases_),
                                                as_vector<Space>(found));
  }

 private:
  Kokkos::View<double***, Kokkos::LayoutRight, DeviceOf<Space>> bases_;
};

}  // namespace krate::analysis
