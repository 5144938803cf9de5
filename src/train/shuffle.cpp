// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <numeric>
#include <utility>

#include "krate/core/random.hpp"
#include "krate/train/trainer.hpp"

namespace krate::train {

void shuffle(Seed seed, std::int64_t epoch, std::vector<std::size_t>& order) {
  constexpr std::uint32_t stream = 0x4f524452;  // "ORDR": apart from all streams of parameters
  Random const random(seed, stream, static_cast<std::uint32_t>(epoch));
  std::iota(order.begin(), order.end(), std::size_t(0));
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i, i)]);
}

}  // namespace krate::train
