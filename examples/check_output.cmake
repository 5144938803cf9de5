# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Runs PROGRAM in the new DIRECTORY; its standard output must be the file EXPECTED.
file(REMOVE_RECURSE ${DIRECTORY})
file(MAKE_DIRECTORY ${DIRECTORY})
list(REMOVE_ITEM PROGRAM "")
execute_process(COMMAND ${PROGRAM} WORKING_DIRECTORY ${DIRECTORY} OUTPUT_VARIABLE output RESULT_VARIABLE result)
file(READ ${EXPECTED} expected)
if(NOT result EQUAL 0 OR NOT output STREQUAL expected)
  message(FATAL_ERROR "exit code ${result}; standard output:\n${output}\nexpected:\n${expected}")
endif()
