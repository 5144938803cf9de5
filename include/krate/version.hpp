// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

#include "krate/config.hpp"

namespace krate {

/// "major.minor.patch"; a development version has patch 99.
char const* version();

/// What this copy of the library is: version, commit, options, Kokkos, vendor libraries; one "name: value" a line.
std::string build_info();

/// The commit it was built from, with "-dirty" after it if the tree had changes; "unknown" outside a checkout.
char const* git_commit();

}  // namespace krate
