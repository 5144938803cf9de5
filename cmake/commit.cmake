# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Writes src/krate_commit.hpp in the build tree at each build, and touches it only when the commit changed.
# Run as a script (with OUTPUT and SOURCE) it does the writing.

if(CMAKE_SCRIPT_MODE_FILE)
  execute_process(COMMAND git describe --always --dirty --abbrev=12 --exclude=* WORKING_DIRECTORY ${SOURCE}
    OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(failed OR commit STREQUAL "")
    set(commit unknown)
  endif()
  file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "#define KRATE_COMMIT \"${commit}\"\n")
else()
  add_custom_target(krate_commit
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${PROJECT_BINARY_DIR}/src/krate_commit.hpp -DSOURCE=${PROJECT_SOURCE_DIR}
            -P ${PROJECT_SOURCE_DIR}/cmake/commit.cmake
    BYPRODUCTS ${PROJECT_BINARY_DIR}/src/krate_commit.hpp VERBATIM)
  add_dependencies(krate krate_commit)
endif()
