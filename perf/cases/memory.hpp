// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/arena.hpp"

namespace krate::perf {

/// One arena for all arrays of a case, as a model has it. `cut(work)` assigns them; it is called twice.
template <class Space, class Cut>
Arena<Space> allocate(Space const& space, Cut const& cut) {
  Arena<Space> arena(space, measure<Space>(cut), "krate::perf::case");
  auto work = arena.workspace();
  cut(work);
  return arena;
}

/// A part of `work` for an operation's temporaries.
template <class Space>
Workspace<Space> take_workspace(Workspace<Space>& work, std::size_t bytes) {
  return Workspace<Space>(work.template take<unsigned char>(bytes).data(), bytes);
}

}  // namespace krate::perf
