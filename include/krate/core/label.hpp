// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <Kokkos_Core.hpp>
#include <Kokkos_Profiling_ScopedRegion.hpp>
#include <string>

/// A profiling label as the `std::string const&` that Kokkos asks for. Built once: a literal longer than 15 characters
/// would be a heap allocation at each launch.
#define KRATE_LABEL(text)                  \
  ([]() -> std::string const& {            \
    static std::string const label = text; \
    return label;                          \
  }())
