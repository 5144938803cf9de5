// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>

#include "krate/linalg/products.hpp"
#include "krate/models/feed_forward.hpp"
#include "krate/nn/gelu.hpp"
#include "krate/nn/linear.hpp"

namespace krate::models {

template <class Space, class T>
FeedForward<Space, T>::FeedForward(ParameterTable& table, std::string const& name, std::string const& first,
                                   std::string const& second, FeedForwardConfig const& c)
    : config_(c) {
  auto const list = [&](char const* part, std::string const& official, std::size_t out, std::size_t in, double width) {
    Map map{};
    Initial const weight = width > 0 ? Initial{Initial::normal, width} : Initial::linear(in),
                  bias = width > 0 ? Initial{Initial::zero} : weight;
    map.weight = table.add(name + part + "/weight", official + ".weight", {out, in}, weight);
    if (c.bias) map.bias = table.add(name + part + "/bias", official + ".bias", {out}, bias);
    return map;
  };
  first_ = list("/first", first, c.hidden, c.dim, c.deviation);
  second_ = list("/second", second, c.dim, c.hidden, c.output_deviation);
}

template <class Space, class T>
Vector<T, Space> FeedForward<Space, T>::bias(ParameterList<Space, T> const& list, Map const& map, bool gradient) const {
  if (!config_.bias) return Vector<T, Space>();
  return gradient ? list.gradient(map.bias) : list.value(map.bias);
}

template <class Space, class T>
std::size_t FeedForward<Space, T>::workspace(std::size_t rows) const {
  return measure<Space>([&](auto& work) { work.template take<T>(rows, config_.hidden); }) +
         std::max(linear_workspace<T>(config_.products, rows, config_.dim, config_.hidden),
                  linear_workspace<T>(config_.products, rows, config_.hidden, config_.dim));
}

template <class Space, class T>
std::size_t FeedForward<Space, T>::backward_workspace(std::size_t rows) const {
  std::size_t const both = measure<Space>([&](auto& work) { work.template take<T>(2 * rows, config_.hidden); });
  auto const products = config_.products;
  return both + std::max(linear_backward_workspace<T>(products, rows, config_.dim, config_.hidden),
                         linear_backward_workspace<T>(products, rows, config_.hidden, config_.dim));
}

template <class Space, class T>
void FeedForward<Space, T>::forward(Space const& space, ParameterList<Space, T> const& p,
                                    ConstMatrix<T, Space> const& x, Workspace<Space> work,
                                    Matrix<T, Space> const& hidden, Matrix<T, Space> const& y,
                                    ConstMatrix<T, Space> const& residual) const {
  auto const activated = work.template take<T>(hidden.extent(0), hidden.extent(1));
  forward_hidden(space, p, x, work, hidden);
  gelu(space, hidden, activated);
  multiply(space, config_.products, "N", "T", activated, p.value_matrix(second_.weight),
           {.bias = bias(p, second_, false), .addend = residual}, y, work);
}

template <class Space, class T>
void FeedForward<Space, T>::forward_hidden(Space const& space, ParameterList<Space, T> const& p,
                                           ConstMatrix<T, Space> const& x, Workspace<Space> work,
                                           Matrix<T, Space> const& hidden) const {
  linear(space, x, p.value_matrix(first_.weight), bias(p, first_, false), hidden, config_.products, work);
}

template <class Space, class T>
void FeedForward<Space, T>::backward(Space const& space, ParameterList<Space, T> const& p,
                                     ConstMatrix<T, Space> const& x, ConstMatrix<T, Space> const& hidden,
                                     ConstMatrix<T, Space> const& dy, Workspace<Space> work,
                                     Matrix<T, Space> const& dx) const {
  auto const activated = work.template take<T>(hidden.extent(0), hidden.extent(1)),
             dhidden = work.template take<T>(hidden.extent(0), hidden.extent(1));
  gelu(space, hidden, activated);
  linear_backward(space, activated, p.value_matrix(second_.weight), dy, work, dhidden,
                  p.gradient_matrix(second_.weight), bias(p, second_, true), config_.products);
  gelu_backward(space, hidden, dhidden, dhidden);
  linear_backward(space, x, p.value_matrix(first_.weight), dhidden, work, dx, p.gradient_matrix(first_.weight),
                  bias(p, first_, true), config_.products);
}

}  // namespace krate::models
