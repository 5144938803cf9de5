// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cmath>
#include <deque>
#include <vector>

namespace krate::testing {

struct LbfgsResult {
  std::vector<double> x;
  double value = 0;
  int iterations = 0;
};

/// A local minimum by the two-loop recursion of Nocedal and Wright, algorithm 7.4, with ten pairs and halved steps.
/// @param f  value at x, which writes its gradient     @param enough  length of the gradient at which it ends
template <class F>
LbfgsResult minimise(F const& f, std::vector<double> x, double enough, int most_iterations) {
  using Numbers = std::vector<double>;
  auto const dot = [](Numbers const& a, Numbers const& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
  };
  struct Pair {
    Numbers moved, turned;  // differences of points and of gradients
    double inverse;
  };
  std::deque<Pair> pairs;
  Numbers gradient(x.size()), next_gradient(x.size());
  double value = f(x, gradient);
  int iteration = 0;
  for (; iteration < most_iterations && std::sqrt(dot(gradient, gradient)) > enough; ++iteration) {
    Numbers direction = gradient;
    auto const subtract = [&](double factor, Numbers const& v) {
      for (std::size_t i = 0; i < v.size(); ++i) direction[i] -= factor * v[i];
    };
    std::vector<double> alpha(pairs.size());
    for (std::size_t k = pairs.size(); k-- > 0;)
      subtract(alpha[k] = pairs[k].inverse * dot(pairs[k].moved, direction), pairs[k].turned);
    double const scale = pairs.empty() ? 1 / std::sqrt(dot(gradient, gradient))
                                       : 1 / (pairs.back().inverse * dot(pairs.back().turned, pairs.back().turned));
    for (double& d : direction) d *= scale;
    for (std::size_t k = 0; k < pairs.size(); ++k)
      subtract(pairs[k].inverse * dot(pairs[k].turned, direction) - alpha[k], pairs[k].moved);
    double const slope = -dot(gradient, direction);
    if (!(slope < 0)) {
      pairs.clear();
      continue;
    }
    double step = 1, next_value = value;
    Numbers next;
    for (int halving = 0; halving < 50; ++halving, step /= 2) {
      next = x;
      for (std::size_t i = 0; i < x.size(); ++i) next[i] -= step * direction[i];
      next_value = f(next, next_gradient);
      if (next_value <= value + 1e-4 * step * slope) break;
    }
    if (!(next_value < value)) break;  // as far as rounding lets it come
    Pair pair{next, next_gradient, 0};
    for (std::size_t i = 0; i < x.size(); ++i) {
      pair.moved[i] -= x[i];
      pair.turned[i] -= gradient[i];
    }
    double const curvature = dot(pair.moved, pair.turned);
    if (curvature > 0) {
      pair.inverse = 1 / curvature;
      pairs.push_back(pair);
      if (pairs.size() > 10) pairs.pop_front();
    }
    x = next;
    value = next_value;
    gradient = next_gradient;
  }
  return {x, value, iteration};
}

}  // namespace krate::testing
