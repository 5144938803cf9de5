// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/version.hpp"

#include "krate_build.hpp"
#include "krate_commit.hpp"

namespace krate {

char const* version() {
  return KRATE_BUILD_VERSION;
}
char const* git_commit() {
  return KRATE_COMMIT;
}

std::string build_info() {
  auto const on = [](bool b) { return b ? "on" : "off"; };
  return std::string("version: ") + version() + "\ncommit: " + git_commit() + "\ncompiler: " KRATE_BUILD_COMPILER +
         "\nbuild type: " KRATE_BUILD_TYPE + "\nspaces: " KRATE_BUILD_SPACES + "\nscalars: " KRATE_BUILD_SCALARS +
         "\nMPI: " + on(KRATE_ENABLE_MPI) + "\nHDF5: " + on(KRATE_ENABLE_HDF5) +
         "\nvendor BLAS and LAPACK: " + on(KRATE_HAVE_BLAS) + "\noneDNN: " KRATE_BUILD_ONEDNN +
         "\nKokkos: " + std::to_string(KOKKOS_VERSION / 10000) + "." + std::to_string(KOKKOS_VERSION / 100 % 100) +
         "." + std::to_string(KOKKOS_VERSION % 100) + "\n";
}

}  // namespace krate
