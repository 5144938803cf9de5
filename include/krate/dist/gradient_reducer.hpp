// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <span>

#include "krate/comm/communicator.hpp"
#include "krate/core/compat.hpp"
#include "krate/core/label.hpp"
#include "krate/core/parameters.hpp"

namespace krate::dist {

/// Adds up the gradients of all ranks, in the order of the ranks: the same bits on every rank and in each run. On
/// devices the gradients are staged through host memory that is allocated once.
template <class Space, class T>
class GradientReducer {
 public:
  GradientReducer() = default;
  /// @note allocates: on devices with several ranks, host memory as long as the list
  GradientReducer(comm::Communicator comm, ParameterList<Space, T> list)
      : comm_(std::move(comm)), list_(std::move(list)) {
    if constexpr (impl::is_device<Space>) {
      if (comm_.size() > 1)
        staged_ = HostBuffer(Kokkos::view_alloc(Kokkos::WithoutInitializing, "krate::dist::gradients"), list_.length());
    }
  }

  /// Collective: the list's gradients become their sums over all ranks. @throws MpiError
  /// @note allocates: no with one rank, else scratch inside the reduction; fences: yes with several ranks; bitwise
  ///       repeatable: yes
  void reduce(Space const& space) const {
    if (comm_.size() == 1) return;
    if constexpr (impl::is_device<Space>) {
      for (auto const& s : list_.segments()) Kokkos::deep_copy(space, part(s), s.gradient);
    }
    space.fence(KRATE_LABEL("krate::dist: gradients are reduced"));
    for (auto const& s : list_.segments()) {
      T* const data = impl::is_device<Space> ? part(s).data() : s.gradient.data();
      comm_.all_reduce(std::span<T>(data, s.gradient.size()));
    }
    if constexpr (impl::is_device<Space>) {
      for (auto const& s : list_.segments()) Kokkos::deep_copy(space, s.gradient, part(s));
    }
  }

 private:
  using HostBuffer = Kokkos::View<T*, Kokkos::HostSpace>;
  auto part(typename ParameterList<Space, T>::Segment const& s) const {
    return Kokkos::View<T*, Kokkos::HostSpace, impl::Unmanaged>(staged_.data() + s.offset, s.gradient.size());
  }

  comm::Communicator comm_;
  ParameterList<Space, T> list_;
  HostBuffer staged_;
};

}  // namespace krate::dist
