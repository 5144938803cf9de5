// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Games, the learning dynamics and their random stream in plain loops, from the formulas; calls nothing of krate.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <random>
#include <sstream>
#include <vector>

namespace krate::testing {

using Numbers = std::vector<double>;
using Actions = std::vector<int>;

struct PlainGame {
  int states = 0;
  std::vector<int> counts;  ///< actions of each player
  double discount = 0.5;
  std::function<double(int player, int state, Actions const&)> reward{};
  std::function<Numbers(int state, Actions const&)> transition{};
  int players() const { return static_cast<int>(counts.size()); }
};

/// All joint actions, the last player fastest.
inline std::vector<Actions> joint_actions(PlainGame const& game) {
  std::vector<Actions> all{{}};
  for (int const count : game.counts) {
    std::vector<Actions> longer;
    for (auto const& a : all)
      for (int own = 0; own < count; ++own) {
        longer.push_back(a);
        longer.back().push_back(own);
      }
    all = longer;
  }
  return all;
}

/// Routes e = 0, 1, ... with b = 9 + 7 e and m = 2 + 2 e; two players make a crowd.
inline PlainGame plain_routing(int players, int routes, bool common, bool depends_on_actions) {
  PlainGame game{.states = 1 << routes, .counts = std::vector<int>(players, routes)};
  auto const count = [](Actions const& a, int e) { return static_cast<int>(std::count(a.begin(), a.end(), e)); };
  auto const unsafe = [=](int s, int e) { return (s >> (routes - 1 - e)) % 2 == 1; };
  game.reward = [=](int i, int s, Actions const& a) {
    auto const of = [&](int e) { return 9.0 + 7 * e - (unsafe(s, e) ? 1.0 : 2.0) * (2 + 2 * e) * count(a, e); };
    if (!common) return of(a[i]);
    double sum = 0;
    for (int const e : a) sum += of(e);
    return sum;
  };
  auto const next = [=](Actions const& a) {
    Numbers p(1 << routes, 1);
    for (int to = 0; to < 1 << routes; ++to)
      for (int e = 0; e < routes; ++e) {
        double const safe = count(a, e) >= 2 ? 0.2 : 0.8;
        p[to] *= unsafe(to, e) ? 1 - safe : safe;
      }
    return p;
  };
  game.transition = [=](int, Actions const& a) { return next(a); };
  if (depends_on_actions) return game;
  auto const joint = joint_actions(game);
  Numbers mean(1 << routes, 0);
  for (auto const& a : joint) {
    auto const p = next(a);
    for (std::size_t s = 0; s < mean.size(); ++s) mean[s] += p[s] / static_cast<double>(joint.size());
  }
  game.transition = [=](int, Actions const&) { return mean; };
  return game;
}

/// MT19937 seeded by the array {seed}: the standard library's generator, given that state.
class PlainMersenne {
 public:
  explicit PlainMersenne(std::uint32_t seed) {
    std::vector<std::uint32_t> mt(624);
    mt[0] = 19650218;
    for (std::uint32_t k = 1; k < 624; ++k) mt[k] = 1812433253u * (mt[k - 1] ^ mt[k - 1] >> 30) + k;
    int i = 1;
    auto const advance = [&] {
      if (++i == 624) mt[0] = mt[623], i = 1;
    };
    for (int k = 0; k < 624; ++k, advance()) mt[i] = (mt[i] ^ (mt[i - 1] ^ mt[i - 1] >> 30) * 1664525u) + seed;
    for (int k = 0; k < 623; ++k, advance())
      mt[i] = (mt[i] ^ (mt[i - 1] ^ mt[i - 1] >> 30) * 1566083941u) - static_cast<std::uint32_t>(i);
    mt[0] = 0x80000000u;
    std::stringstream text;
    for (auto const word : mt) text << word << " ";
    text << 624;
    text >> generator_;
  }
  double operator()() {
    double const high = generator_() >> 5, low = generator_() >> 6;
    return (high * 67108864 + low) / 9007199254740992.0;
  }

 private:
  std::mt19937 generator_;
};

inline int categorical(Numbers const& weights, double u) {
  double total = 0;
  for (double const w : weights) total += w;
  double const x = u * total;
  double sum = 0;
  int passed = 0;
  for (double const w : weights) {
    sum += w;
    passed += sum <= x;
  }
  return std::min(passed, static_cast<int>(weights.size()) - 1);
}

struct PlainRule {
  double tau = 1e-6, alpha_exponent = 0.5, beta_exponent = 1, exploration = 0;
};

/// [player][state][action]
using Table = std::vector<std::vector<Numbers>>;

/// The players of one replica.
struct PlainPlayers {
  PlainGame const& game;
  PlainRule rule;
  Table policy, q, plays;
  Numbers visits;
  int state = 0;

  PlainPlayers(PlainGame const& g, PlainRule const& r) : game(g), rule(r), visits(g.states, 0) {
    for (int const count : g.counts) {
      policy.emplace_back(g.states, Numbers(count, 1.0 / count));
      q.emplace_back(g.states, Numbers(count, 0));
    }
    plays = q;
  }

  static Numbers response(Numbers const& q, PlainRule const& rule) {
    double const most = *std::max_element(q.begin(), q.end());
    Numbers w;
    double sum = 0;
    for (double const x : q) {
      w.push_back(x == most ? 1 : std::exp((x - most) / rule.tau));
      sum += w.back();
    }
    for (double& x : w) x = (1 - rule.exploration) * (x / sum) + rule.exploration / static_cast<double>(q.size());
    return w;
  }

  void learn(Actions const& a, int next) {
    int const s = state;
    ++visits[s];
    double const beta = std::pow(visits[s], -rule.beta_exponent);
    auto const old_policy = policy, old_q = q;
    for (int i = 0; i < game.players(); ++i) {
      auto const& pi = old_policy[i];
      double nu = 0, ahead = 0;
      for (double const p : pi[s])
        if (p > 0) nu += p * std::log(p);
      for (std::size_t e = 0; e < pi[next].size(); ++e) ahead += pi[next][e] * old_q[i][next][e];
      double const n = ++plays[i][s][a[i]], alpha = std::pow(n, -rule.alpha_exponent);
      double const target = game.reward(i, s, a) - rule.tau * nu + game.discount * ahead;
      q[i][s][a[i]] += alpha * (target - old_q[i][s][a[i]]);
      Numbers const br = response(old_q[i][s], rule);
      for (std::size_t e = 0; e < br.size(); ++e) policy[i][s][e] += beta * (br[e] - pi[s][e]);
    }
    state = next;
  }

  void play(std::function<double()> const& uniform) {
    Actions a;
    for (int i = 0; i < game.players(); ++i) a.push_back(categorical(policy[i][state], uniform()));
    learn(a, categorical(game.transition(state, a), uniform()));
  }
};

/// [players, states, most actions], padded with 0.
inline Numbers flattened(PlainGame const& game, Table const& table) {
  int const most = *std::max_element(game.counts.begin(), game.counts.end());
  Numbers flat;
  for (auto const& player : table)
    for (auto row : player) {
      row.resize(static_cast<std::size_t>(most), 0);
      flat.insert(flat.end(), row.begin(), row.end());
    }
  return flat;
}

}  // namespace krate::testing
