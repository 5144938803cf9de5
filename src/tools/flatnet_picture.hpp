// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/models/flatnet.hpp"
#include "tools/image.hpp"
#include "tools/rows.hpp"

namespace krate::tools {

/// At most 2000 samples, their codes along principal directions, and what comes back; a sample's colour is its code's
/// first coordinate. @note allocates: yes; fences: yes
Image flatnet_picture(Space const& space, models::Flatnet<Space> const& model, Rows samples);

}  // namespace krate::tools
