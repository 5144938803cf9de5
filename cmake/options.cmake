# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Every switch of the build. As a subdirectory of another project all of them start OFF.

option(KRATE_ENABLE_MPI "Scale over ranks with MPI" ${PROJECT_IS_TOP_LEVEL})
option(KRATE_ENABLE_HDF5 "Read and write HDF5 datasets and checkpoints" ${PROJECT_IS_TOP_LEVEL})
option(KRATE_ENABLE_ONEDNN "Large float products by oneDNN where it is found" ${PROJECT_IS_TOP_LEVEL})
option(KRATE_ENABLE_TOOLS "Build the command krate" ${PROJECT_IS_TOP_LEVEL})
option(KRATE_ENABLE_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(KRATE_ENABLE_EXAMPLES "Build the examples" ${PROJECT_IS_TOP_LEVEL})
option(KRATE_ENABLE_PERF "Build the benchmarks" ${PROJECT_IS_TOP_LEVEL})
option(KRATE_ENABLE_POISON "Fill each workspace with NaN before it is used (debug builds)" OFF)
option(KRATE_ENABLE_FUZZ "Offer the fuzz targets of tests/fuzz (clang only)" OFF)
option(KRATE_PRECOMPILE "Parse Kokkos_Core.hpp once a target, not once a file (GCC, hosts)" ${PROJECT_IS_TOP_LEVEL})
option(KRATE_WARNINGS_AS_ERRORS "Treat compiler warnings as errors (CI)" OFF)

set(KRATE_EXEC_SPACES "" CACHE STRING "Execution spaces to build for, e.g. Serial;OpenMP; empty: all that Kokkos has")
set(KRATE_SCALARS "float;double" CACHE STRING "Scalar types to build for")

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES AND PROJECT_IS_TOP_LEVEL)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

if(KRATE_ENABLE_TOOLS AND NOT KRATE_ENABLE_HDF5)
  message(FATAL_ERROR "krate: the command needs HDF5 (its datasets and models are HDF5 files); set KRATE_ENABLE_HDF5=ON or KRATE_ENABLE_TOOLS=OFF")
endif()
if(KRATE_ENABLE_FUZZ AND NOT (KRATE_ENABLE_HDF5 AND CMAKE_CXX_COMPILER_ID MATCHES Clang))
  message(FATAL_ERROR "krate: the fuzz targets need clang (libFuzzer) and KRATE_ENABLE_HDF5=ON; set CMAKE_CXX_COMPILER=clang++ or KRATE_ENABLE_FUZZ=OFF")
endif()
foreach(part TOOLS TESTS PERF)
  if(KRATE_ENABLE_${part} AND NOT ("float" IN_LIST KRATE_SCALARS AND "double" IN_LIST KRATE_SCALARS))
    message(FATAL_ERROR "krate: KRATE_ENABLE_${part} needs both scalar types; set KRATE_SCALARS=float;double or KRATE_ENABLE_${part}=OFF")
  endif()
endforeach()

# Paths relative to the checkout, so that a second clone is served by the first one's compiler cache; a file's headers as
# the compiler lists them, which saves a run of the preprocessor for each.
find_program(KRATE_CCACHE ccache)
if(KRATE_CCACHE AND PROJECT_IS_TOP_LEVEL AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=true CCACHE_DEPEND=true
    CCACHE_SLOPPINESS=pch_defines,time_macros ${KRATE_CCACHE})  # what it asks for precompiled headers
endif()
# Fifty programs with the library in each: LLVM's linker takes a quarter of a second for one, GNU's gold 0.6 s, ld 1.6 s.
find_program(KRATE_LINKER NAMES ld.lld ld.gold)
if(KRATE_LINKER AND PROJECT_IS_TOP_LEVEL AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT CMAKE_CXX_COMPILER MATCHES "nvcc"
   AND NOT CMAKE_EXE_LINKER_FLAGS MATCHES "-fuse-ld")
  string(REGEX REPLACE ".*ld\\.(lld|gold).*" " -fuse-ld=\\1" krate_linker "${KRATE_LINKER}")
  string(APPEND CMAKE_EXE_LINKER_FLAGS "${krate_linker}")
endif()
if(PROJECT_IS_TOP_LEVEL)
  set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
endif()
