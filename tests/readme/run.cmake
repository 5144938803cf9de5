# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Runs PROGRAM in the new DIRECTORY beside a copy of DATA; it must report a test accuracy of at least 0.9.
file(REMOVE_RECURSE ${DIRECTORY})
file(COPY ${DATA} DESTINATION ${DIRECTORY})
execute_process(COMMAND ${PROGRAM} WORKING_DIRECTORY ${DIRECTORY} OUTPUT_VARIABLE output RESULT_VARIABLE result)
if(NOT result EQUAL 0 OR NOT output MATCHES "test accuracy (0\\.9|1\\.0)")
  message(FATAL_ERROR "exit code ${result}; standard output:\n${output}")
endif()
