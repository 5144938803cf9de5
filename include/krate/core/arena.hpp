// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <string>

#include "krate/core/compat.hpp"
#include "krate/core/workspace.hpp"

namespace krate {

namespace impl {
/// Asks the system for huge pages where it offers them; a hint, never an error. Host memory only.
void advise_huge_pages(void* memory, std::size_t bytes) noexcept;
inline constexpr std::size_t huge_page = std::size_t(2) << 20;
}  // namespace impl

/// Owns one block of memory, on huge pages on hosts, from which all temporaries of a computation are cut.
/// Make it once, before the first step; it is freed with the last copy.
/// @note allocates: in the constructor only; fences: no
template <class Space>
class Arena {
 public:
  Arena() = default;
  explicit Arena(Space const& space, std::size_t bytes, std::string const& label = "krate::arena")
      : memory_(Kokkos::view_alloc(space, Kokkos::WithoutInitializing, label), padded(bytes)), bytes_(bytes) {
    if constexpr (!impl::is_device<Space>) impl::advise_huge_pages(memory_.data(), memory_.size());
#if KRATE_ENABLE_POISON
    // All bits set is NaN in every floating type.
    Kokkos::deep_copy(space, memory_, static_cast<unsigned char>(0xff));
#endif
  }

  std::size_t bytes() const {
    return bytes_;
  }
  Workspace<Space> workspace() const {
    auto const address = reinterpret_cast<std::uintptr_t>(memory_.data());
    std::size_t const granule = granularity(bytes_);
    std::size_t const skip = (granule - address % granule) % granule;
    return Workspace<Space>(memory_.data() + skip, bytes_);
  }

 private:
  static std::size_t granularity(std::size_t bytes) {
    return bytes >= impl::huge_page ? impl::huge_page : Workspace<Space>::alignment;
  }
  static std::size_t padded(std::size_t bytes) {
    return bytes + granularity(bytes);
  }

  Kokkos::View<unsigned char*, DeviceOf<Space>> memory_;
  std::size_t bytes_ = 0;
};

}  // namespace krate
