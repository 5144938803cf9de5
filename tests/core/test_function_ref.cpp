// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "krate/core/function_ref.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "krate/core/label.hpp"

namespace {

int twice(int x) {
  return 2 * x;
}

int apply(krate::FunctionRef<int(int)> f, int x) {
  return f(x);
}

TEST(FunctionRef, CallsLambdasFunctionsAndObjects) {
  int calls = 0;
  EXPECT_EQ(apply([&](int x) { return ++calls, x + 1; }, 4), 5);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(apply(twice, 4), 8);
  struct Add {
    int base;
    int operator()(int x) const { return base + x; }
  } const add{10};
  EXPECT_EQ(apply(add, 4), 14);
}

TEST(FunctionRef, RefersAndDoesNotCopy) {
  struct Counter {
    int count = 0;
    Counter() = default;
    Counter(Counter const&) = delete;
    void operator()() { ++count; }
  } counter;
  krate::FunctionRef<void()> const ref(counter);
  krate::FunctionRef<void()> const copy = ref;
  ref();
  copy();
  EXPECT_EQ(counter.count, 2);
}

TEST(FunctionRef, IsEmptyByDefault) {
  EXPECT_FALSE(krate::FunctionRef<void()>());
  auto const f = [] {};
  EXPECT_TRUE(krate::FunctionRef<void()>(f));
}

TEST(FunctionRef, ForwardsArguments) {
  auto const take = [](std::unique_ptr<int> p) { return *p; };
  EXPECT_EQ(krate::FunctionRef<int(std::unique_ptr<int>)>(take)(std::make_unique<int>(3)), 3);
}

std::string const& label() {
  return KRATE_LABEL("krate::test::a_label_longer_than_fifteen");
}

TEST(Label, IsBuiltOnce) {
  EXPECT_EQ(label(), "krate::test::a_label_longer_than_fifteen");
  EXPECT_EQ(&label(), &label());
}

}  // namespace
