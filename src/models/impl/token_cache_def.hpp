// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/block.hpp"

namespace krate::models {

template <class Space, class T>
void TokenCache<Space, T>::cut(Workspace<Space>& work, BlockConfig const& config, std::size_t depth, std::size_t batch,
                               std::size_t context) {
  projected.resize(depth);
  std::size_t const columns = config.has_mhsa() ? 2 * config.inner() : config.inner();
  for (auto& p : projected) p = work.template take<T>(context, batch, columns);
}

}  // namespace krate::models
