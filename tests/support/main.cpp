// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <gtest/gtest.h>

#include <Kokkos_Core.hpp>

#include "support/recorder.hpp"

#if defined(__SANITIZE_ADDRESS__)
// HDF5 does not give back all memory where it refuses a damaged file.
extern "C" char const* __lsan_default_suppressions() {
  return "leak:libhdf5";
}
extern "C" char const* __lsan_default_options() {
  return "print_suppressions=0";
}
#endif

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  Kokkos::initialize(Kokkos::InitializationSettings().set_disable_warnings(true));
  krate::testing::install_recorder();
  int const result = RUN_ALL_TESTS();
  Kokkos::finalize();
  return result;
}
