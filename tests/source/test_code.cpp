// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <gtest/gtest.h>

#include "code.hpp"

namespace krate::source {
namespace {

using Words = std::vector<std::string>;

TEST(Code, CommentsAndLiteralsAreBlanked) {
  EXPECT_EQ(stripped("a; // exit(1)\nb;"), "a;           \nb;");
  EXPECT_EQ(stripped("a /* x\ny */ b"), "a     \n     b");
  EXPECT_EQ(stripped("f(\"a\\\"b\", 'c')"), "f(\"    \", ' ')");
  EXPECT_EQ(stripped("f(\"// no comment\")"), "f(\"             \")");
  EXPECT_EQ(stripped("f(\"krate::x\")"), "f(\"krate:: \")");
  EXPECT_EQ(stripped("f(R\"(a\"b)\") + 1'000'000"), "f(R\"     \") + 1'000'000");
  EXPECT_EQ(stripped("#include \"a/b.hpp\"\n"), "#include \"a/b.hpp\"\n");
}

TEST(Code, ArgumentsAreCutAtTheOutermostCommas) {
  std::string const code = "f(a, g(b, c), h<d, e>(i), [&] { return j, k; }, l < m, n)";
  EXPECT_EQ(arguments(code, 1), (Words{"a", "g(b, c)", "h<d, e>(i)", "[&] { return j, k; }", "l < m", "n"}));
  EXPECT_EQ(arguments("f()", 1), Words{});
  EXPECT_EQ(arguments("f(a", 1), Words{});
}

TEST(Code, CallsAreFoundInAllTheirForms) {
  std::regex const name("View");
  for (auto const* code :
       {"View(a, b)", "View{a, b}", "View<int**, Space>(a, b)", "View<T> const v(a, b);", "View<T> v\n(a, b);"}) {
    auto const found = calls(code, name);
    ASSERT_EQ(found.size(), 1u) << code;
    EXPECT_EQ(found[0].arguments, (Words{"a", "b"})) << code;
  }
  for (auto const* code : {"MyView(a)", "Viewer(a)", "using V = View<int>;", "View<int> a;"})
    EXPECT_EQ(calls(code, name).size(), 0u) << code;
}

}  // namespace
}  // namespace krate::source
