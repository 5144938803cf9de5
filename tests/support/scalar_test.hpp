// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests with a scalar type, as gtest's TYPED_TEST; these cost the compiler far less.
#pragma once

#include <gtest/gtest.h>

#include <type_traits>

namespace krate::testing {

using Scalars = ::testing::Types<float, double>;
using OnlyFloat = ::testing::Types<float>;
using OnlyDouble = ::testing::Types<double>;

/// Registers the test "suite/space_scalar.name". @return true
bool add_test(char const* suite, char const* space, char const* scalar, char const* name, char const* file, int line,
              ::testing::Test* (*make)());

template <template <class> class Test, class... Scalar>
bool add_tests(char const* suite, char const* space, char const* name, char const* file, int line,
               ::testing::Types<Scalar...>) {
  return (add_test(suite, space, std::is_same_v<Scalar, float> ? "float" : "double", name, file, line,
                   []() -> ::testing::Test* { return new Test<Scalar>; }) &&
          ...);
}

}  // namespace krate::testing

/// Tests follow whose fixture is `template <class Scalar> struct suite`, for each of the types, on TestSpace.
#define SCALAR_TESTS(suite, types) using suite##_Scalars = types

/// The body of one, which finds TypeParam and TestFixture.
#define SCALAR_TEST(suite, test)                                                                         \
  template <class ScalarOfTest>                                                                          \
  struct suite##_##test##_Test : suite<ScalarOfTest> {                                                   \
    using TypeParam = ScalarOfTest;                                                                      \
    using TestFixture = suite<ScalarOfTest>;                                                             \
    void TestBody() override;                                                                            \
  };                                                                                                     \
  [[maybe_unused]] bool const suite##_##test##_added = krate::testing::add_tests<suite##_##test##_Test>( \
      #suite, TestSpace::name(), #test, __FILE__, __LINE__, suite##_Scalars());                          \
  template <class ScalarOfTest>                                                                          \
  void suite##_##test##_Test<ScalarOfTest>::TestBody()
