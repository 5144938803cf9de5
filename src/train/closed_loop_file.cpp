// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/train/closed_loop_file.hpp"

namespace krate::train {

void require_room_for(models::CscCtrlConfig const& config, io::CheckpointReader const& file) {
  file.comm().guarded([&] {
    double held = 0, needed = 0;
    for (auto const& name : file.tensors("/model")) held += static_cast<double>(file.info("/model/" + name).size());
    // In floating point: products of a made-up configuration may be beyond all integers.
    for (auto const& s : config.layers())
      needed += 2 * static_cast<double>(s.atoms) * static_cast<double>(s.channels) * static_cast<double>(s.kernel) *
                static_cast<double>(s.kernel);
    if (needed <= held) return;
    throw IoError("krate::train::load_csc_ctrl",
                  file.path() + ": /model holds fewer numbers than its configuration needs (" +
                      krate::impl::value_text(held) + " of " + krate::impl::value_text(needed) +
                      "); take another copy of the file");
  });
}

}  // namespace krate::train
