// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <gtest/gtest.h>

#include <string>
#include <type_traits>

#include "krate/core/error.hpp"
#include "krate/core/require.hpp"
#include "support/op_test.hpp"

namespace {

TEST(Error, TextIsWhereAndWhat) {
  krate::IoError const error("krate::io::File", "x.h5 is not an HDF5 file; pass a dataset");
  EXPECT_STREQ(error.what(), "krate::io::File: x.h5 is not an HDF5 file; pass a dataset");
  EXPECT_EQ(error.where(), "krate::io::File");
  EXPECT_NE(std::string(error.location().file_name()).find("test_errors.cpp"), std::string::npos);
}

TEST(Error, AllKindsAreErrors) {
  using namespace krate;
  EXPECT_TRUE((std::is_base_of_v<Error, ShapeError> && std::is_base_of_v<Error, ValueError> &&
               std::is_base_of_v<Error, NotBuiltError> && std::is_base_of_v<Error, IoError> &&
               std::is_base_of_v<Error, MpiError> && std::is_base_of_v<Error, NumericalError>));
  EXPECT_TRUE((std::is_base_of_v<std::runtime_error, Error>));
  EXPECT_THROW(throw NumericalError("krate::check", "NaN"), std::exception);
}

TEST(Require, ShapeSaysWhatWasFoundAndWhy) {
  Kokkos::View<double**, Kokkos::HostSpace> const v("krate::test", 2, 3);
  EXPECT_NO_THROW(krate::require_shape("krate::op", "dict", v, {2, 3}, "dim is z.extent(1)"));
  try {
    krate::require_shape("krate::op", "dict", v, {3, 3}, "dim is z.extent(1)");
    FAIL() << "nothing was thrown";
  } catch (krate::ShapeError const& error) {
    EXPECT_STREQ(error.what(), "krate::op: dict has shape [2, 3], expected [3, 3] (dim is z.extent(1))");
    EXPECT_EQ(error.where(), "krate::op");
    EXPECT_NE(std::string(error.location().file_name()).find("test_errors.cpp"), std::string::npos);
  }
}

TEST(Require, ShapeOfAnyRank) {
  Kokkos::View<double, Kokkos::HostSpace> const value("krate::test");
  Kokkos::View<double*, Kokkos::HostSpace> const empty("krate::test", 0);
  EXPECT_NO_THROW(krate::require_shape("krate::op", "value", value, {}, "a number"));
  EXPECT_NO_THROW(krate::require_shape("krate::op", "empty", empty, {0}, "nothing"));
  EXPECT_ERROR(krate::ShapeError, "empty has shape [0], expected [1]",
               krate::require_shape("krate::op", "empty", empty, {1}, "something"));
}

TEST(Require, ValueSaysWhatItMust) {
  EXPECT_NO_THROW(krate::require_value(true, "krate::op", "eta", 0.1, "must be positive"));
  try {
    krate::require_value(false, "krate::ista", "eta", -0.5, "must be positive; CRATE uses 0.1");
    FAIL() << "nothing was thrown";
  } catch (krate::ValueError const& error) {
    EXPECT_STREQ(error.what(), "krate::ista: eta = -0.5, but it must be positive; CRATE uses 0.1");
  }
  EXPECT_ERROR(krate::ValueError, "name = head, but it is taken",
               krate::require_value(false, "krate::op", "name", std::string("head"), "is taken"));
}

}  // namespace
