// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "games/impl/ensemble_state.hpp"
#include "games/impl/measure_distances.hpp"
#include "games/impl/replicas.hpp"
#include "games/impl/transfer.hpp"
#include "krate/core/label.hpp"
#include "krate/core/require.hpp"
#include "krate/games/impl/flat_tables.hpp"

namespace krate::games {

namespace impl {

inline void require_rules(std::span<LearningRule const> rules, RandomStream random) {
  constexpr char const* where = "krate::games::Ensemble";
  require_value(!rules.empty(), where, "replicas", rules.size(), "must be positive; pass one rule a replica");
  for (auto const& rule : rules) {
    require_value(rule.tau >= 0 && std::isfinite(rule.tau), where, "tau", rule.tau, "must not be negative");
    for (double const e : {rule.alpha_exponent, rule.beta_exponent})
      require_value(e >= 0 && std::isfinite(e), where, "exponent", e, "must not be negative");
    require_value(rule.exploration >= 0 && rule.exploration <= 1, where, "exploration", rule.exploration,
                  "must be from 0 to 1");
    require_value(random == RandomStream::counter || rule.seed < (std::uint64_t(1) << 32), where, "seed", rule.seed,
                  "must be below 2^32 for the mersenne stream");
  }
}

}  // namespace impl

template <class Space, class T>
void Ensemble<Space, T>::cut(Workspace<Space>& work, std::size_t numbers, std::size_t integers) {
  numbers_ = work.template take<double>(numbers);
  integers_ = work.template take<int>(integers);
  rules_ = work.template take<LearningRule>(replicas_);
  std::size_t const before = work.used(), length = impl::Table<Space, 0>::length(players_, states_, actions_);
  bool const twister = random_ == RandomStream::mersenne;
  tables_ = work.template take<double>(replicas_ * length);
  current_ = work.template take<int>(replicas_, (1 + players_ + 15) / 16 * 16);
  generators_ = work.template take<std::uint32_t>(replicas_, twister ? impl::MersenneStream::words : 0);
  changing_ = Vector<unsigned char, Space>(reinterpret_cast<unsigned char*>(tables_.data()), work.used() - before);
}

template <class Space, class T>
auto Ensemble<Space, T>::parts() const {
  auto const length = static_cast<std::int64_t>(impl::Table<Space, 0>::length(players_, states_, actions_));
  return impl::Replicas<Space>{rules_, tables_, length, current_, generators_};
}

template <class Space, class T>
template <class Game>
void Ensemble<Space, T>::start(Space const& space, Game const& game, std::span<LearningRule const> rules) {
  require_valid(game);
  impl::require_rules(rules, random_);
  auto const flat = impl::flattened(game);
  auto const tables = impl::tables_at(game, flat.numbers.data(), flat.integers.data());
  replicas_ = rules.size();
  players_ = static_cast<std::size_t>(tables.players);
  states_ = static_cast<std::size_t>(tables.states);
  actions_ = static_cast<std::size_t>(tables.most_actions());
  for (int i = 0; i < tables.players; ++i) counts_.push_back(tables.actions_of(i));
  auto const take = [&](Workspace<Space>& work) { cut(work, flat.numbers.size(), flat.integers.size()); };
  arena_ = Arena<Space>(space, krate::measure<Space>(take), "krate::games::ensemble");
  auto work = arena_.workspace();
  take(work);
  impl::upload<Space, double>(space, flat.numbers, numbers_);
  impl::upload<Space, int>(space, flat.integers, integers_);
  impl::upload<Space, LearningRule>(space, rules, rules_);
  auto const placed = impl::tables_at(game, numbers_.data(), integers_.data());
  game_ = placed;
  using Tables = std::remove_const_t<decltype(placed)>;
  auto const begin = [&](auto const* stream) {
    using Stream = std::remove_cvref_t<decltype(*stream)>;
    Kokkos::parallel_for(KRATE_LABEL("krate::games::begin"), krate::impl::elements(space, replicas_),
                         impl::BeginReplica<Space, Tables, Stream>{placed, parts()});
  };
  if (random_ == RandomStream::counter) {
    begin(static_cast<impl::CounterStream const*>(nullptr));
  } else {
    begin(static_cast<impl::MersenneStream const*>(nullptr));
  }
}

template <class Space, class T>
Ensemble<Space, T>::Ensemble(Space const& space, RoutingGame const& game, std::span<LearningRule const> rules,
                             RandomStream random)
    : random_(random) {
  start(space, game, rules);
}
template <class Space, class T>
Ensemble<Space, T>::Ensemble(Space const& space, FiniteGame const& game, std::span<LearningRule const> rules,
                             RandomStream random)
    : random_(random) {
  start(space, game, rules);
}

template <class Space, class T>
void Ensemble<Space, T>::require_records(char const* where, Records<Space> const& records) const {
  std::size_t const count = records.stages.extent(0);
  if (count == 0) return;
  require_shape(where, "policy", records.policy, {count, replicas_, size()}, "[records, replicas, size()]");
  require_shape(where, "q", records.q, {count, replicas_, size()}, "[records, replicas, size()]");
}

template <class Space, class T>
void Ensemble<Space, T>::run(Space const& space, std::int64_t stages, Records<Space> const& records) {
  constexpr char const* where = "krate::games::Ensemble::run";
  require_value(stages >= 0, where, "stages", stages, "must not be negative");
  require_records(where, records);
  Kokkos::Profiling::ScopedRegion region(KRATE_LABEL("krate::games::run"));
  auto const play = [&](auto const* stream, auto actions, auto const& game) {
    using Stream = std::remove_cvref_t<decltype(*stream)>;
    using Tables = std::remove_cvref_t<decltype(game)>;
    Kokkos::parallel_for(KRATE_LABEL("krate::games::play"), krate::impl::elements(space, replicas_),
                         impl::PlayStages<Space, Tables, Stream, decltype(actions)::value>{game, parts(), stage_,
                                                                                           stage_ + stages, records});
  };
  auto const draw = [&](auto actions, auto const& game) {
    if (random_ == RandomStream::counter) {
      play(static_cast<impl::CounterStream const*>(nullptr), actions, game);
    } else {
      play(static_cast<impl::MersenneStream const*>(nullptr), actions, game);
    }
  };
  if (auto const* const routing = std::get_if<impl::RoutingTables>(&game_); routing && routing->routes == 2) {
    draw(std::integral_constant<int, 2>(), *routing);
  } else {
    std::visit([&](auto const& game) { draw(std::integral_constant<int, 0>(), game); }, game_);
  }
  stage_ += stages;
}

template <class Space, class T>
void Ensemble<Space, T>::replay(Space const& space, int start, std::span<int const> actions,
                                std::span<int const> next) {
  constexpr char const* where = "krate::games::Ensemble::replay";
  if (actions.size() != next.size() * players_)
    throw ShapeError(where, "actions has " + std::to_string(actions.size()) + " entries, expected " +
                                std::to_string(next.size() * players_) + " (a player's at each stage); pass all");
  auto const known = [&](int s) { return s >= 0 && s < static_cast<int>(states_); };
  require_value(known(start) && std::all_of(next.begin(), next.end(), known), where, "states",
                static_cast<std::int64_t>(states_), "must be above each state that is given");
  for (std::size_t k = 0; k < actions.size(); ++k) {
    require_value(actions[k] >= 0 && actions[k] < counts_[k % players_], where, "action", actions[k],
                  "must be one of its player's");
  }
  Kokkos::View<int*, DeviceOf<Space>> const given(
      Kokkos::view_alloc(space, Kokkos::WithoutInitializing, "krate::games::given"), actions.size() + next.size());
  Vector<int, Space> const taken(given.data(), actions.size()), nexts(given.data() + actions.size(), next.size());
  impl::upload<Space, int>(space, actions, taken);
  impl::upload<Space, int>(space, next, nexts);
  std::visit(
      [&](auto const& game) {
        using Tables = std::remove_cvref_t<decltype(game)>;
        Kokkos::parallel_for(KRATE_LABEL("krate::games::replay"), krate::impl::elements(space, replicas_),
                             impl::ReplayStages<Space, Tables>{game, parts(), start, taken, nexts});
      },
      game_);
  stage_ += static_cast<std::int64_t>(next.size());
  space.fence(KRATE_LABEL("krate::games::replay: what was given is no longer needed"));
}

template <class Space, class T>
std::size_t Ensemble<Space, T>::decision_doubles() const {
  require_value(states_ <= 1024, "krate::games::Ensemble::measure", "states", states_,
                "must be at most 1024: their equations are solved densely");
  return std::visit(
      [&](auto const& game) { return impl::Decision::doubles(states_, actions_, impl::oppose_weights(game)); }, game_);
}

template <class Space, class T>
std::size_t Ensemble<Space, T>::measure_workspace() const {
  std::size_t const each = decision_doubles();
  return krate::measure<Space>([&](auto& work) { work.template take<double>(replicas_ * players_, each); });
}

template <class Space, class T>
void Ensemble<Space, T>::measure(Space const& space, Records<Space> const& records, Workspace<Space> work,
                                 Distances<Space> const& out) {
  constexpr char const* where = "krate::games::Ensemble::measure";
  std::size_t const count = records.stages.extent(0);
  require_records(where, records);
  require_shape(where, "policy distances", out.policy, {count, replicas_, players_}, "[records, replicas, players]");
  require_shape(where, "q distances", out.q, {count, replicas_, players_}, "[records, replicas, players]");
  require_shape(where, "nash distances", out.nash, {count, replicas_, players_}, "[records, replicas, players]");
  if (count == 0) return;
  auto const memory = work.template take<double>(replicas_ * players_, decision_doubles());
  std::visit(
      [&](auto const& game) {
        using Tables = std::remove_cvref_t<decltype(game)>;
        Kokkos::parallel_for(KRATE_LABEL("krate::games::measure"), krate::impl::elements(space, replicas_ * players_),
                             impl::MeasureDistances<Space, Tables>{game, records, out, memory});
      },
      game_);
}

}  // namespace krate::games
