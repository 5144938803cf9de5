# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# krate_instantiate(target "module/op:Class[,Class]" ... [WIRING] [APART] [BY_SCALAR] [NAMESPACE part] [TOGETHER n] [OF template ...]): one small source per op (or n
# of them) for all spaces of the host, and one for each device, for all scalars, so that kernels are compiled once into the library and never
# in a user's file. Classes live in krate::impl, or krate::part.
# WIRING: these classes call others' kernels and have none, so less optimisation costs no speed and saves a third of the compile time.
# APART: long ones, a source for each space. BY_SCALAR: long ones whose host kernels know no space, a source for each scalar.

# What is compiled together: the spaces of the host, as "Serial+OpenMP"; each device alone.
set(krate_space_groups ${krate_spaces})
list(FILTER krate_space_groups INCLUDE REGEX "^(Serial|OpenMP|Threads)$")
list(JOIN krate_space_groups "+" krate_space_groups)
set(krate_device_spaces ${krate_spaces})
list(FILTER krate_device_spaces EXCLUDE REGEX "^(Serial|OpenMP|Threads)$")
list(APPEND krate_space_groups ${krate_device_spaces})

# GCC looks for garbage only beyond 400 MB: a tenth of the compile time.
if(PROJECT_IS_TOP_LEVEL AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT Kokkos_DEVICES MATCHES "CUDA|HIP")
  add_compile_options(--param=ggc-min-heapsize=400000)
endif()

if(NOT Kokkos_DEVICES MATCHES "CUDA")  # nvcc knows no -Og
  set(krate_wiring_options $<$<AND:$<CONFIG:Release>,$<COMPILE_LANG_AND_ID:CXX,GNU,Clang>>:-Og>)
endif()

# The text of one entry's source, appended to the variable text of the caller.
function(krate_append_instantiation entry namespace spaces templates)
  string(REGEX MATCH "^([a-z_]+)/([a-z0-9_]+):([A-Za-z0-9,]+)$" _ "${entry}")
  string(APPEND text "#include \"${CMAKE_MATCH_1}/impl/${CMAKE_MATCH_2}_def.hpp\"\n")
  string(REPLACE "," ";" classes ${CMAKE_MATCH_3})
  foreach(space IN LISTS spaces)
    foreach(scalar IN LISTS KRATE_SCALARS)
      set(arguments "Kokkos::${space}, ${scalar}")
      if(templates)
        list(TRANSFORM templates REPLACE "(.+)" "krate::\\1<${arguments}>" OUTPUT_VARIABLE arguments)
      endif()
      foreach(class IN LISTS classes)
        foreach(argument IN LISTS arguments)
          string(APPEND text "template class krate::${namespace}::${class}<${argument}>;\n")
        endforeach()
      endforeach()
    endforeach()
  endforeach()
  set(text "${text}" PARENT_SCOPE)
endfunction()

function(krate_instantiate target)
  cmake_parse_arguments(arg "WIRING;APART;BY_SCALAR" "NAMESPACE;TOGETHER;SUFFIX" "OF" ${ARGN})
  if(arg_BY_SCALAR)
    list(REMOVE_ITEM ARGN BY_SCALAR)
    foreach(KRATE_SCALARS IN LISTS KRATE_SCALARS)
      krate_instantiate(${target} ${ARGN} SUFFIX _${KRATE_SCALARS})
    endforeach()
    return()
  endif()
  if(NOT arg_NAMESPACE)
    set(arg_NAMESPACE impl)
  endif()
  if(NOT arg_TOGETHER)
    set(arg_TOGETHER 1)
  endif()
  set(groups ${krate_space_groups})
  if(arg_OF OR arg_APART)  # many classes, or long ones
    set(groups ${krate_spaces})
  endif()
  foreach(group IN LISTS groups)
    string(REPLACE "+" ";" spaces ${group})
    set(rest ${arg_UNPARSED_ARGUMENTS})
    while(rest)
      list(SUBLIST rest 0 ${arg_TOGETHER} entries)
      list(REMOVE_ITEM rest ${entries})
      set(text "// Written by cmake/instantiate.cmake.\n")
      foreach(entry IN LISTS entries)
        krate_append_instantiation(${entry} ${arg_NAMESPACE} "${spaces}" "${arg_OF}")
      endforeach()
      list(TRANSFORM entries REPLACE "^.*/(.*):.*$" "\\1")
      list(JOIN entries "_" names)
      string(REPLACE "+" "_" suffix ${group})
      set(file ${CMAKE_CURRENT_BINARY_DIR}/instantiate/${names}_${suffix}${arg_SUFFIX}.cpp)
      file(CONFIGURE OUTPUT ${file} CONTENT "${text}" @ONLY)
      target_sources(${target} PRIVATE ${file})
      if(arg_WIRING)
        set_source_files_properties(${file} TARGET_DIRECTORY ${target} PROPERTIES
          COMPILE_OPTIONS "${krate_wiring_options}")
      else()
        set_source_files_properties(${file} TARGET_DIRECTORY ${target} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)  # long enough
      endif()
    endwhile()
  endforeach()
endfunction()

# Where a build takes several sources together (CMAKE_UNITY_BUILD) and its target's mode is GROUP: these, six by six.
function(krate_take_together name)
  set(count 0)
  foreach(file IN LISTS ARGN)
    math(EXPR group "${count} / 6")
    math(EXPR count "${count} + 1")
    set_source_files_properties(${file} PROPERTIES UNITY_GROUP ${name}_${group})
  endforeach()
endfunction()

# One source per space for each header of test bodies: defines TestSpace and includes it.
function(krate_test_sources target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD_MODE GROUP)
  foreach(space IN LISTS krate_spaces)
    set(files)
    foreach(header IN LISTS ARGN)
      get_filename_component(name ${header} NAME_WE)
      list(APPEND files ${CMAKE_CURRENT_BINARY_DIR}/spaces/${name}_${space}.cpp)
      file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/spaces/${name}_${space}.cpp CONTENT
        "// Written by cmake/instantiate.cmake.\n#include <Kokkos_Core.hpp>\n#define KRATE_TEST_SPACE_NAME ${space}\nusing TestSpace = Kokkos::${space};\n#include \"${header}\"\n" @ONLY)
    endforeach()
    target_sources(${target} PRIVATE ${files})
    krate_take_together(${space} ${files})
  endforeach()
endfunction()

# krate_precompile(target PRIVATE <header> ...) or krate_precompile(target REUSE_FROM other): headers of other projects that nearly all of the
# target's files include. Never one of krate's own: those change.
function(krate_precompile target)
  if(KRATE_PRECOMPILE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT Kokkos_DEVICES MATCHES "CUDA|HIP")
    target_precompile_headers(${target} ${ARGN})
  endif()
endfunction()
