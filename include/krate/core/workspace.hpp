// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

#include "krate/core/error.hpp"
#include "krate/core/types.hpp"

namespace krate {

namespace impl {
template <class T, std::size_t Rank>
struct AddStars {
  using type = typename AddStars<T*, Rank - 1>::type;
};
template <class T>
struct AddStars<T, 0> {
  using type = T;
};
}  // namespace impl

/// A stretch of memory that temporaries are cut from, front to back. Cheap to copy, and passed by value: what a callee
/// cuts is free again when it returns, because the caller's copy has not moved.
///
/// A *measuring* workspace cuts nothing and counts bytes: run the code that cuts once with it to learn what it needs.
template <class Space>
class Workspace {
 public:
  /// Cuts start at multiples of this many bytes.
  static constexpr std::size_t alignment = 128;

  Workspace() = default;
  Workspace(void* memory, std::size_t bytes)
      : begin_(static_cast<std::byte*>(memory)), capacity_(bytes), measuring_(false) {}

  /// Counts, and cuts nothing: the Views it gives must not be touched.
  static Workspace measuring() {
    Workspace w;
    w.capacity_ = std::numeric_limits<std::size_t>::max();
    w.measuring_ = true;
    return w;
  }
  bool is_measuring() const { return measuring_; }

  /// Bytes cut so far by this copy.
  std::size_t used() const { return used_; }
  std::size_t capacity() const { return capacity_; }

  /// The next View of these extents, uninitialised.
  /// @throws ValueError if the rest is too small
  template <class T, class... Extents>
  auto take(Extents... extents) {
    using V = impl::RowMajor<typename impl::AddStars<T, sizeof...(Extents)>::type, Space>;
    std::size_t const count = (std::size_t(1) * ... * static_cast<std::size_t>(extents));
    std::size_t const bytes = (count * sizeof(T) + alignment - 1) / alignment * alignment;
    if (capacity_ - used_ < bytes) {
      throw ValueError("krate::Workspace", std::to_string(bytes) + " more bytes are needed, but " +
                                               std::to_string(capacity_ - used_) + " of " + std::to_string(capacity_) +
                                               " are left; size it with the operation's _workspace function");
    }
    T* const data = measuring_ ? nullptr : reinterpret_cast<T*>(begin_ + used_);
    used_ += bytes;
    return V(data, static_cast<std::size_t>(extents)...);
  }

 private:
  std::byte* begin_ = nullptr;
  std::size_t capacity_ = 0;
  std::size_t used_ = 0;
  bool measuring_ = false;
};

/// Bytes that `cut(workspace)` takes.
template <class Space, class Cut>
std::size_t measure(Cut const& cut) {
  auto workspace = Workspace<Space>::measuring();
  cut(workspace);
  return workspace.used();
}

}  // namespace krate
