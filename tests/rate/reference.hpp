// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reading tests/data/rate.h5 (tests/data/rate.md).
#pragma once

#include "krate/io/hdf5.hpp"
#include "linalg/operands.hpp"
#include "support/reference_file.hpp"

namespace {

inline Array read_array(krate::io::File const& file, std::string const& path) {
  Array a;
  a.data = file.read_all<double>(path, &a.shape);
  return a;
}
inline double read_number(krate::io::File const& file, std::string const& path) {
  return read_array(file, path).data[0];
}

inline krate::io::File rate_file() {
  return krate::io::File::open(krate::testing::reference_file("rate.h5"));
}

}  // namespace
