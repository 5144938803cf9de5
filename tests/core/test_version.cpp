// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "krate/version.hpp"

namespace {

TEST(Version, IsThreeNumbers) {
  std::string const text = krate::version();
  EXPECT_EQ(std::count(text.begin(), text.end(), '.'), 2);
  EXPECT_EQ(text.find_first_not_of("0123456789."), std::string::npos);
}

TEST(Version, BuildInfoSaysWhatThisIs) {
  std::string const text = krate::build_info();
  for (char const* part : {"version: ", "commit: ", "compiler: ", "spaces: ", "scalars: ", "MPI: ", "HDF5: ",
                           "vendor BLAS and LAPACK: ", "oneDNN: ", "Kokkos: "})
    EXPECT_NE(text.find(part), std::string::npos) << part << " is missing in\n" << text;
  EXPECT_NE(text.find(krate::version()), std::string::npos);
  EXPECT_NE(text.find(krate::git_commit()), std::string::npos);
}

}  // namespace
