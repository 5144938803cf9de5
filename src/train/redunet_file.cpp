// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/train/redunet_file.hpp"

#include "krate/core/error.hpp"

namespace krate::train {

void require_room_for(models::RedunetConfig const& config, io::CheckpointReader const& file) {
  file.comm().guarded([&] {
    double held = 0;
    for (auto const& name : file.tensors("/model")) held += static_cast<double>(file.info("/model/" + name).size());
    // In floating point: products of a made-up configuration may be beyond all integers.
    double const dim = static_cast<double>(config.dim), classes = static_cast<double>(config.classes);
    double const needed = static_cast<double>(config.layers) * ((classes + 1) * dim * dim + classes);
    if (needed <= held) return;
    throw IoError("krate::train::load_redunet",
                  file.path() + ": /model holds fewer numbers than its configuration needs (" +
                      krate::impl::value_text(held) + " of " + krate::impl::value_text(needed) +
                      "); take another copy of the file");
  });
}

}  // namespace krate::train
