// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "krate/core/configuration.hpp"

namespace krate::io {
using krate::Attribute;
using krate::Configuration;
}  // namespace krate::io
