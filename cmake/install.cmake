# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# What `cmake --install` lays down, and the package that find_package(krate CONFIG) finds.
include(CMakePackageConfigHelpers)

install(TARGETS krate EXPORT krateTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/krate DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")
install(FILES ${PROJECT_BINARY_DIR}/include/krate/config.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/krate)
if(TARGET krate_command)
  install(TARGETS krate_command RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
if(IS_DIRECTORY ${PROJECT_SOURCE_DIR}/examples/data)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/examples/data/ DESTINATION ${CMAKE_INSTALL_DATADIR}/krate)
endif()

set(krate_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/krate)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/krateConfig.cmake.in
  ${PROJECT_BINARY_DIR}/krateConfig.cmake INSTALL_DESTINATION ${krate_cmake_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/krateConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(EXPORT krateTargets NAMESPACE krate:: DESTINATION ${krate_cmake_dir})
install(FILES ${PROJECT_BINARY_DIR}/krateConfig.cmake ${PROJECT_BINARY_DIR}/krateConfigVersion.cmake
  DESTINATION ${krate_cmake_dir})
