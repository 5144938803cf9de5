// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <gtest/gtest.h>

#include <Kokkos_Core.hpp>

#include "support/recorder.hpp"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  Kokkos::initialize(Kokkos::InitializationSettings().set_disable_warnings(true));
  krate::testing::install_recorder();
  int const result = RUN_ALL_TESTS();
  Kokkos::finalize();
  return result;
}
