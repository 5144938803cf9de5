// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A regression against an adversary who moves the targets at a price: a sequential game of one's own.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <krate/games/sequential_game.hpp>
#include <vector>

using In = std::span<double const>;
using Out = std::span<double>;

int main() {
  constexpr std::size_t samples = 12;
  std::vector<double> time, target;
  for (std::size_t i = 0; i < samples; ++i) {
    time.push_back(static_cast<double>(i) / 6 - 1);
    target.push_back(2 * time[i] + 0.3 * std::sin(5.0 * static_cast<double>(i)));
  }
  // The leader draws a line w0 + w1 time, the follower moves targets by y:
  //     u_follower = 1/2 |line - target - y|^2 - |y|^2,     u_leader = -u_follower
  auto const error = [&](In w, In y, std::size_t i) { return w[0] + w[1] * time[i] - target[i] - y[i]; };
  auto const leader = [&](In w, In y, Out gradient) {
    gradient[0] = gradient[1] = 0;
    for (std::size_t i = 0; i < samples; ++i) {
      gradient[0] -= error(w, y, i);
      gradient[1] -= error(w, y, i) * time[i];
    }
  };
  auto const follower = [&](In w, In y, Out gradient) {
    for (std::size_t i = 0; i < samples; ++i) gradient[i] = -error(w, y, i) - 2 * y[i];
  };
  auto const at_most_one = [](Out w) { w[1] = std::min(w[1], 1.0); };  // a line of slope 1 at most

  for (bool const limited : {false, true}) {
    auto const allow = [&](Out w) {
      if (limited) at_most_one(w);
    };
    std::vector<double> w(2, 0.0), y(samples, 0.0);
    krate::games::SequentialGame game({.leader_rate = 1e-2, .follower_rate = 1e-2, .inner_steps = 100}, leader,
                                      follower, allow);
    game.play(3000, w, y);
    double cost = 0;
    for (std::size_t i = 0; i < samples; ++i) cost += error(w, y, i) * error(w, y, i) / 2 - y[i] * y[i];
    std::printf("%-20s line %.2f %+.2f time, adversary's utility %.2f\n",
                limited ? "slope at most 1:" : "any line:", w[0], w[1], cost);
  }
}
