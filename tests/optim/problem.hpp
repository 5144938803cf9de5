// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Parameters with and without weight decay, in odd sizes, and plain-loop optimizers for them.
#pragma once

#include "krate/core/parameters.hpp"
#include "support/checks.hpp"

namespace {

template <class T>
krate::ParameterList<TestSpace, T> some_parameters() {
  return {TestSpace(),
          {{.name = "a", .shape = {3, 5}},
           {.name = "b", .shape = {7}, .decay = false},
           {.name = "c", .shape = {1}},
           {.name = "d", .shape = {40, 33}}}};
}

/// Values or gradients: parameter i gets filled(t + i).
template <class T, class Which>
void set_all(krate::ParameterList<TestSpace, T> const& list, Which which, std::uint64_t t, double scale = 1) {
  for (std::size_t i = 0; i < list.entries().size(); ++i)
    krate::testing::assign((list.*which)(i), filled(t + i, {list.entries()[i].size}, scale));
}
template <class T>
void set_values(krate::ParameterList<TestSpace, T> const& list, std::uint64_t t) {
  set_all(list, &krate::ParameterList<TestSpace, T>::value, t);
}
template <class T>
void set_gradients(krate::ParameterList<TestSpace, T> const& list, std::uint64_t t, double scale = 1) {
  set_all(list, &krate::ParameterList<TestSpace, T>::gradient, t, scale);
}

/// All values, one after another.
template <class T>
Array all_values(krate::ParameterList<TestSpace, T> const& list) {
  Array all(std::vector<std::size_t>{list.count()});
  std::size_t at = 0;
  for (std::size_t i = 0; i < list.entries().size(); ++i)
    for (double const v : to_array(list.value(i)).data) all.data[at++] = v;
  return all;
}

template <class T>
Scalar0<T> factor(double value) {
  Scalar0<T> v("krate::test::factor");
  krate::testing::set_all(v, static_cast<T>(value));
  return v;
}

template <class T>
auto zeros(std::size_t n) {
  return view<T, 1>(Array({n}));
}

}  // namespace
