# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# krate_instantiate(target "module/op:Class" ... [WIRING] [NAMESPACE part] [OF template ...]): one small source per op for all spaces of
# the host, and one for each device, for all scalars, so that kernels are compiled once into the library and never in a user's file. Classes
# live in krate::impl, or krate::part.
# WIRING: these classes call others' kernels and have none, so less optimisation costs no speed and saves a third of the compile time.

# What is compiled together: the spaces of the host, as "Serial+OpenMP"; each device alone.
set(krate_space_groups ${krate_spaces})
list(FILTER krate_space_groups INCLUDE REGEX "^(Serial|OpenMP|Threads)$")
list(JOIN krate_space_groups "+" krate_space_groups)
set(krate_device_spaces ${krate_spaces})
list(FILTER krate_device_spaces EXCLUDE REGEX "^(Serial|OpenMP|Threads)$")
list(APPEND krate_space_groups ${krate_device_spaces})

set(krate_wiring_options $<$<AND:$<CONFIG:Release>,$<COMPILE_LANG_AND_ID:CXX,GNU,Clang>>:-O1>)

function(krate_instantiate target)
  cmake_parse_arguments(arg "WIRING" "NAMESPACE" "OF" ${ARGN})
  if(NOT arg_NAMESPACE)
    set(arg_NAMESPACE impl)
  endif()
  set(groups ${krate_space_groups})
  if(arg_OF)
    set(groups ${krate_spaces})  # many classes already
  endif()
  foreach(entry IN LISTS arg_UNPARSED_ARGUMENTS)
    string(REPLACE ":" ";" parts ${entry})
    list(GET parts 0 op)
    list(GET parts 1 class)
    get_filename_component(module ${op} DIRECTORY)
    get_filename_component(name ${op} NAME)
    foreach(group IN LISTS groups)
      set(text "// Written by cmake/instantiate.cmake.\n#include \"${module}/impl/${name}_def.hpp\"\n")
      string(REPLACE "+" ";" spaces ${group})
      foreach(space IN LISTS spaces)
        foreach(scalar IN LISTS KRATE_SCALARS)
          set(arguments "Kokkos::${space}, ${scalar}")
          if(arg_OF)
            list(TRANSFORM arg_OF REPLACE "(.+)" "krate::\\1<${arguments}>" OUTPUT_VARIABLE arguments)
          endif()
          foreach(argument IN LISTS arguments)
            string(APPEND text "template class krate::${arg_NAMESPACE}::${class}<${argument}>;\n")
          endforeach()
        endforeach()
      endforeach()
      string(REPLACE "+" "_" suffix ${group})
      set(file ${CMAKE_CURRENT_BINARY_DIR}/instantiate/${module}/${name}_${suffix}.cpp)
      file(CONFIGURE OUTPUT ${file} CONTENT "${text}" @ONLY)
      target_sources(${target} PRIVATE ${file})
      if(arg_WIRING)
        set_source_files_properties(${file} TARGET_DIRECTORY ${target} PROPERTIES
          COMPILE_OPTIONS "${krate_wiring_options}" SKIP_PRECOMPILE_HEADERS ON)  # precompiled at another level
      endif()
    endforeach()
  endforeach()
endfunction()

# The same for a header of test bodies: defines TestSpace and includes it, one source per space.
function(krate_test_sources target)
  foreach(header IN LISTS ARGN)
    get_filename_component(name ${header} NAME_WE)
    foreach(space IN LISTS krate_spaces)
      set(file ${CMAKE_CURRENT_BINARY_DIR}/spaces/${name}_${space}.cpp)
      file(CONFIGURE OUTPUT ${file} CONTENT
        "// Written by cmake/instantiate.cmake.\n#include <Kokkos_Core.hpp>\n#define KRATE_TEST_SPACE_NAME ${space}\nusing TestSpace = Kokkos::${space};\n#include \"${header}\"\n" @ONLY)
      target_sources(${target} PRIVATE ${file})
    endforeach()
  endforeach()
endfunction()

# krate_precompile(target PRIVATE <header> ...) or krate_precompile(target REUSE_FROM other): headers of other projects that nearly all of the
# target's files include. Never one of krate's own: those change.
function(krate_precompile target)
  if(KRATE_PRECOMPILE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT Kokkos_DEVICES MATCHES "CUDA|HIP")
    target_precompile_headers(${target} ${ARGN})
  endif()
endfunction()
